"""Commands, events and unique keys of TR-181 that a simulated agent knows, by schema path.

An object of the model that is named here has them; of keys, those whose parameters it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Command:
    """A command. Arguments that are not given take the default in ``optional``."""

    name: str
    """Ends in ``()``."""
    asynchronous: bool = False
    mandatory: tuple[str, ...] = ()
    optional: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    outputs: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all input arguments."""
        return (*self.mandatory, *self.optional)


@dataclass(frozen=True, slots=True)
class Event:
    """An event; its name ends in ``!``."""

    name: str
    arguments: tuple[str, ...] = ()


_LOGIN = {"Username": "", "Password": ""}
_CHECKED = {"FileSize": "0", "CheckSumAlgorithm": "", "CheckSum": ""}
_TARGET = {"Interface": "", "DSCP": "0"}
_TIMES = ("ROMTime", "BOMTime", "EOMTime", "TCPOpenRequestTime", "TCPOpenResponseTime")
_PING_TIMES = ("AverageResponseTime", "MinimumResponseTime", "MaximumResponseTime")

COMMANDS: dict[str, tuple[Command, ...]] = {
    "Device.": (
        Command("Reboot()"),
        Command("FactoryReset()"),
        Command("ScheduleTimer()", True, ("DelaySeconds",)),
    ),
    "Device.DeviceInfo.FirmwareImage.{i}.": (
        Command("Download()", True, ("URL", "AutoActivate"), {**_LOGIN, **_CHECKED}),
        Command(
            "Activate()",
            True,
            (),
            {f"TimeWindow.{i}.{leaf}": "" for i in range(1, 6) for leaf in ("Start", "End", "Mode")}
            | {"UserMessage": "", "MaxRetries": ""},
        ),
    ),
    "Device.DeviceInfo.VendorConfigFile.{i}.": (
        Command("Backup()", True, ("URL",), _LOGIN),
        Command("Restore()", True, ("URL",), {**_LOGIN, **_CHECKED, "TargetFileName": ""}),
    ),
    "Device.DeviceInfo.VendorLogFile.{i}.": (Command("Upload()", True, ("URL",), _LOGIN),),
    "Device.IP.Diagnostics.": (
        Command(
            "IPPing()",
            True,
            ("Host",),
            {
                **_TARGET,
                "ProtocolVersion": "Any",
                "NumberOfRepetitions": "4",
                "Timeout": "1000",
                "DataBlockSize": "64",
            },
            (
                "Status",
                "IPAddressUsed",
                "SuccessCount",
                "FailureCount",
                *_PING_TIMES,
                *(f"{name}Detailed" for name in _PING_TIMES),
            ),
        ),
        Command(
            "TraceRoute()",
            True,
            ("Host",),
            {
                **_TARGET,
                "ProtocolVersion": "Any",
                "NumberOfTries": "3",
                "Timeout": "5000",
                "DataBlockSize": "38",
                "MaxHopCount": "30",
            },
            (
                "Status",
                "IPAddressUsed",
                "ResponseTime",
                *(f"RouteHops.{{i}}.{x}" for x in ("Host", "HostAddress", "ErrorCode", "RTTimes")),
            ),
        ),
        Command(
            "DownloadDiagnostics()",
            True,
            ("DownloadURL",),
            {**_TARGET, "EthernetPriority": "0", "NumberOfConnections": "1"},
            ("Status", *_TIMES, "TestBytesReceived", "TotalBytesReceived", "PeriodOfFullLoading"),
        ),
        Command(
            "UploadDiagnostics()",
            True,
            ("UploadURL", "TestFileLength"),
            {**_TARGET, "EthernetPriority": "0", "NumberOfConnections": "1"},
            ("Status", *_TIMES, "TestBytesSent", "TotalBytesSent", "PeriodOfFullLoading"),
        ),
    ),
    "Device.DNS.Diagnostics.": (
        Command(
            "NSLookupDiagnostics()",
            True,
            ("HostName",),
            {"Interface": "", "DNSServer": "", "Timeout": "5000", "NumberOfRepetitions": "1"},
            (
                "Status",
                "SuccessCount",
                *(
                    f"Result.{{i}}.{x}"
                    for x in (
                        "Status",
                        "AnswerType",
                        "HostNameReturned",
                        "IPAddresses",
                        "DNSServerIP",
                        "ResponseTime",
                    )
                ),
            ),
        ),
    ),
    "Device.WiFi.": (
        Command("Reset()"),
        Command(
            "NeighboringWiFiDiagnostic()",
            True,
            outputs=(
                "Status",
                *(
                    f"Result.{{i}}.{x}"
                    for x in (
                        "Radio",
                        "SSID",
                        "BSSID",
                        "Mode",
                        "Channel",
                        "SignalStrength",
                        "SecurityModeEnabled",
                        "EncryptionMode",
                        "OperatingFrequencyBand",
                        "OperatingStandards",
                        "OperatingChannelBandwidth",
                        "BeaconPeriod",
                        "Noise",
                        "DTIMPeriod",
                    )
                ),
            ),
        ),
    ),
    "Device.SoftwareModules.": (
        Command("InstallDU()", True, ("URL",), {"UUID": "", **_LOGIN, "ExecutionEnvRef": ""}),
    ),
    "Device.SoftwareModules.DeploymentUnit.{i}.": (
        Command("Update()", True, (), {"URL": "", **_LOGIN}),
        Command("Uninstall()", True),
    ),
    "Device.LocalAgent.": (Command("AddCertificate()", False, ("Certificate",), {"Alias": ""}),),
    "Device.LocalAgent.Certificate.{i}.": (Command("Delete()"),),
    "Device.LocalAgent.Controller.{i}.": (
        Command("SendOnBoardRequest()"),
        Command("AddMyCertificate()", False, ("Certificate",), {"Alias": ""}),
    ),
    "Device.LocalAgent.Controller.{i}.E2ESession.": (Command("Reset()"),),
    "Device.LocalAgent.Request.{i}.": (Command("Cancel()"),),
}

EVENTS: dict[str, tuple[Event, ...]] = {
    "Device.BulkData.Profile.{i}.": (Event("Push!", ("Data",)),),
    "Device.": (Event("Boot!", ("CommandKey", "Cause", "FirmwareUpdated", "ParameterMap")),),
    "Device.LocalAgent.": (
        Event("Periodic!"),
        Event(
            "TransferComplete!",
            (
                "Command",
                "CommandKey",
                "Requestor",
                "TransferType",
                "Affected",
                "TransferURL",
                "StartTime",
                "CompleteTime",
                "FaultCode",
                "FaultString",
            ),
        ),
    ),
    "Device.SoftwareModules.": (
        Event(
            "DUStateChange!",
            (
                "UUID",
                "DeploymentUnitRef",
                "Version",
                "CurrentState",
                "Resolved",
                "ExecutionUnitRefList",
                "StartTime",
                "CompleteTime",
                "OperationPerformed",
                "Fault.FaultCode",
                "Fault.FaultString",
            ),
        ),
    ),
}

UNIQUE_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Device.LocalAgent.Controller.{i}.": (("EndpointID",),),
    "Device.LocalAgent.Controller.{i}.BootParameter.{i}.": (("ParameterName",),),
    "Device.LocalAgent.Controller.{i}.MTP.{i}.": (("Order",),),
    "Device.LocalAgent.Subscription.{i}.": (("Recipient", "ID"),),
    "Device.LocalAgent.Request.{i}.": (("Originator", "Command", "CommandKey"),),
    "Device.LocalAgent.Certificate.{i}.": (("SerialNumber", "Issuer"),),
    "Device.LocalAgent.ControllerTrust.Role.{i}.": (("Name",),),
    "Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.": (("Order",),),
    "Device.WiFi.SSID.{i}.": (("Name",), ("BSSID",)),
    "Device.WiFi.Radio.{i}.": (("Name",),),
    "Device.WiFi.AccessPoint.{i}.": (("SSIDReference",),),
    "Device.WiFi.AccessPoint.{i}.AssociatedDevice.{i}.": (("MACAddress",),),
    "Device.Hosts.Host.{i}.": (("PhysAddress",),),
    "Device.IP.Interface.{i}.IPv4Address.{i}.": (("IPAddress",),),
    "Device.Users.User.{i}.": (("Username",),),
    "Device.SoftwareModules.DeploymentUnit.{i}.": (("UUID", "Version", "ExecutionEnvRef"),),
}
"""Of single tables, besides ``Alias``, and ``Name`` where it can only be read."""
WRITE_ONCE = frozenset({"Alias"})
"""Names of parameters that cannot be changed once they have a value."""
WRITE_ONCE_PATHS = frozenset(
    f"Device.LocalAgent.Subscription.{{i}}.{leaf}"
    for leaf in ("ID", "NotifType", "ReferenceList", "Persistent")
)
