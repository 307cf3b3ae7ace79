"""Every setting: its section, name, type, bounds, default and meaning.

One class per section of the TOML file.  The constraints and descriptions sit in the types,
so that the loader, the error messages and docs/settings.md all read the same line.  Every
default runs.
"""

from __future__ import annotations

from acs.settings.sections.agents import (
    MqttIdentity,
    MqttPresence,
    MqttSettings,
    MqttVersion,
    UspSettings,
    WebSocketAuth,
    WebSocketSettings,
)
from acs.settings.sections.business import (
    ApiSettings,
    ErpSettings,
    EventsSettings,
    SafetyMode,
    SafetySettings,
    TakenOver,
)
from acs.settings.sections.devices import (
    AuthMode,
    AuthSettings,
    CwmpSettings,
    DigestOffer,
    HttpSettings,
    Rebootstrap,
    StunSettings,
    TlsVersion,
    WakeupSettings,
)
from acs.settings.sections.keeping import (
    AdminSettings,
    DatabaseSettings,
    DiskSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    RecordingSettings,
    SecretsSettings,
    ServerSettings,
    TimelineSettings,
)
from acs.settings.sections.provisioning import (
    DiscoverySettings,
    Drift,
    FilesSettings,
    HealthSettings,
    ProvisioningSettings,
    RulesSettings,
)

__all__ = [
    "AdminSettings",
    "ApiSettings",
    "AuthMode",
    "AuthSettings",
    "CwmpSettings",
    "DatabaseSettings",
    "DigestOffer",
    "DiscoverySettings",
    "DiskSettings",
    "Drift",
    "ErpSettings",
    "EventsSettings",
    "FilesSettings",
    "HealthSettings",
    "HttpSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "MqttIdentity",
    "MqttPresence",
    "MqttSettings",
    "MqttVersion",
    "ProvisioningSettings",
    "Rebootstrap",
    "RecordingSettings",
    "RulesSettings",
    "SafetyMode",
    "SafetySettings",
    "SecretsSettings",
    "ServerSettings",
    "StunSettings",
    "TakenOver",
    "TimelineSettings",
    "TlsVersion",
    "UspSettings",
    "WakeupSettings",
    "WebSocketAuth",
    "WebSocketSettings",
]
