"""What a comparison of two trees leaves out unless all is asked for.

Patterns as in a shell, over paths with ``{i}`` for instance numbers; case counts.
"""

COUNTERS = (
    "*.Stats.*",
    "*.*Stats.*",
    "*.UpTime",
    "*.Uptime",
    "*.LastChange",
    "*.TimeSpent*",
    "*.MemoryStatus.Free",
    "*.ProcessStatus.*",
    "*.CurrentLocalTime",
    "*.FirstUseDate",
    "*.LeaseTimeRemaining",
    "*.*Bytes*",
    "*.*Packets*",
    "*.*Errors*",
    "*.SignalStrength",
    "*.Noise",
    "*.LastData*Rate",
    "*.AssociatedDevice.*",
    "*.AssociatedDeviceNumberOfEntries",
    "*.Hosts.*",
    "*.ARPTable*",
    "*.ParameterKey",
    "*.*TransceiverTemperature",
    "*.*OpticalSignalLevel*",
    "*.*TXPower",
    "*.*RXPower",
    "*.*BiasCurrent",
    "*.*SupplyVoltage",
)
"""What changes by itself."""

IDENTITIES = (
    "*.SerialNumber",
    "*.MACAddress",
    "*.*MACAddress",
    "*.BSSID",
    "*.*GponSn*",
    "*.IPAddress",
    "*.ExternalIPAddress",
    "*.IPv6Address.*",
    "*.DUID",
    "*.ChassisID",
    "*.ManagementServer.Username",
    "*.ManagementServer.ConnectionRequest*",
    "*.ProvisioningCode",
    "*.UUID",
)
"""What differs between any two devices."""
