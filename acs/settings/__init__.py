"""Typed settings from one TOML file and ``ACS_*`` variables; every default runs.

settings = Settings.load(None, os.environ)
settings = complete(settings, secrets.token_bytes)  # a server's first start
"""

from __future__ import annotations

from acs.address import split_address
from acs.settings.first_start import complete
from acs.settings.load import Settings, SettingsError
from acs.settings.reference import Described, describe
from acs.settings.sections import (
    AdminSettings,
    AuthMode,
    AuthSettings,
    CwmpSettings,
    DatabaseSettings,
    DiskSettings,
    Drift,
    ErpSettings,
    FilesSettings,
    HttpSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    MqttIdentity,
    MqttPresence,
    MqttSettings,
    MqttVersion,
    ProvisioningSettings,
    Rebootstrap,
    RecordingSettings,
    SecretsSettings,
    ServerSettings,
    TimelineSettings,
    TlsVersion,
    UspSettings,
    WebSocketAuth,
    WebSocketSettings,
)

__all__ = [
    "AdminSettings",
    "AuthMode",
    "AuthSettings",
    "CwmpSettings",
    "DatabaseSettings",
    "Described",
    "DiskSettings",
    "Drift",
    "ErpSettings",
    "FilesSettings",
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
    "SecretsSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "TimelineSettings",
    "TlsVersion",
    "UspSettings",
    "WebSocketAuth",
    "WebSocketSettings",
    "complete",
    "describe",
    "split_address",
]
