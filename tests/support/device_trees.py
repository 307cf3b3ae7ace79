"""Trees of device families, cut down to what provisioning touches."""

from __future__ import annotations

from device_in_memory import MemoryDevice, Plain

from acs.model import Value, ValueType

SECRETS = ["*Password", "*Passphrase", "*PreSharedKey", "*X_TP_Password", "*.Security.PreSharedKey"]
XX230V_MODES = (
    "None,WPA-Personal,WPA2-Personal,WPA-WPA2-Personal,WPA-Enterprise,WPA2-Enterprise,"
    "WPA-WPA2-Enterprise,WPA3-Personal,WPA2-WPA3-Personal"
)
EX220_MODES = "None,WPA2-Personal,WPA-WPA2-Personal,WPA2-WPA3-Personal"
ROLES_A = {
    1: (1, "Primary"), 2: (1, "Guest"), 3: (2, "Primary"), 4: (2, "Guest"), 5: (1, "Guest"),
    6: (1, "GuestNetwork"), 7: (2, "Guest"), 8: (2, "GuestNetwork"), 9: (1, "Backhaul"),
    10: (2, "Backhaul"), 11: (1, "Backhaul"), 12: (2, "Backhaul"), 13: (1, "Public"),
    14: (2, "Public"),
}  # fmt: skip
ROLES_B = {1: (1, "Primary"), 2: (1, "Guest"), 3: (2, "Primary"), 4: (2, "Guest")}
BANDS = {1: "2.4GHz", 2: "5GHz", 3: "6GHz"}
CHANNELS = {1: "1-11", 2: "36,40,44,48,52-64,100-140,149,153,157,161,165", 3: "1,5,9-233"}
VOICE = "Device.X_TP_Services.X_TP_VoiceService.1.VoiceProfile.1."
WLAN = "InternetGatewayDevice.LANDevice.1.WLANConfiguration."


def management(root: str) -> dict[str, Plain]:
    server = f"{root}ManagementServer."
    return {
        f"{server}URL": "http://old.example/",
        f"{server}Username": "",
        f"{server}Password": "",
        f"{server}PeriodicInformEnable": True,
        f"{server}PeriodicInformInterval": 300,
        f"{server}ConnectionRequestUsername": "admin",
        f"{server}ConnectionRequestPassword": "",
        f"{server}PeriodicInformTime": Value("0001-01-01T00:00:00Z", ValueType.DATE_TIME),
        f"{server}STUNEnable": False,
        f"{server}STUNServerAddress": "",
        f"{server}STUNServerPort": 3478,
        f"{server}STUNUsername": "",
        f"{server}STUNPassword": "",
        f"{server}STUNMinimumKeepAlivePeriod": 30,
        f"{server}STUNMaximumKeepAlivePeriod": Value("-1", ValueType.INT),
        f"{root}DeviceInfo.ProvisioningCode": "",
    }


def tr181_wifi(
    roles: dict[int, tuple[int, str]], modes: str, *, dot: str = ".", role_leaf: bool = True
) -> dict[str, Plain]:
    tree: dict[str, Plain] = {}
    for radio in sorted({radio for radio, _ in roles.values()}):
        tree |= {
            f"Device.WiFi.Radio.{radio}.OperatingFrequencyBand": BANDS[radio],
            f"Device.WiFi.Radio.{radio}.Enable": True,
            f"Device.WiFi.Radio.{radio}.Channel": {1: 6, 2: 36, 3: 5}[radio],
            f"Device.WiFi.Radio.{radio}.AutoChannelEnable": True,
            f"Device.WiFi.Radio.{radio}.PossibleChannels": CHANNELS[radio],
            f"Device.WiFi.Radio.{radio}.OperatingChannelBandwidth": "Auto",
        }
    for number, (radio, role) in roles.items():
        ssid, ap = f"Device.WiFi.SSID.{number}.", f"Device.WiFi.AccessPoint.{number}."
        tree |= {
            f"{ssid}SSID": f"TP-Link_{number}",
            f"{ssid}Enable": True,
            f"{ssid}LowerLayers": f"Device.WiFi.Radio.{radio}{dot}",
            f"{ap}SSIDReference": f"Device.WiFi.SSID.{number}{dot}",
            f"{ap}Enable": role in ("Primary", "Backhaul"),
            f"{ap}SSIDAdvertisementEnabled": True,
            f"{ap}IsolationEnable": False,
            f"{ap}MaxAssociatedDevices": 0,
            f"{ap}Security.ModesSupported": modes,
            f"{ap}Security.ModeEnabled": "WPA2-Personal",
            f"{ap}Security.KeyPassphrase": "factory-key",
            f"{ap}Security.PreSharedKey": "",
            f"{ap}Security.SAEPassphrase": "",
        }
        if role_leaf:
            tree[f"{ap}X_TP_APType"] = role
    return tree


def tplink_voice(sockets: int = 1) -> dict[str, Plain]:
    tree: dict[str, Plain] = {
        f"{VOICE}DigitMap": "112|19[2-5]|1x.t|[2-8]x.t|9x.t|0xx.t",
        f"{VOICE}DigitMapEnable": True,
        f"{VOICE}Region": "US",
        "Device.X_TP_Services.X_TP_VoiceService.1.Capabilities.Regions": "US, CA, DE",
    }
    for number in range(1, sockets + 1):
        tree[f"{VOICE}Line.{number}.Enable"] = "Enabled"
        tree[f"{VOICE}Line.{number}.DirectoryNumber"] = ""
    for number in range(1, 9):
        account = f"{VOICE}MultiIsp.{number}.Multi"
        tree |= {
            f"{account}AccountEnable": 0,
            f"{account}IspName": "",
            f"{account}ProfileName": "",
            f"{account}DisplayName": "",
            f"{account}Extension": "",
            f"{account}VoipNum": "",
            f"{account}AuthUserName": "",
            f"{account}AuthPassword": "",
            f"{account}Domain": "",
            f"{account}RegistrarServer": "0.0.0.0",
            f"{account}RegistrarServerPort": 5060,
            f"{account}ProxyServer": "0.0.0.0",
            f"{account}ProxyServerPort": 5060,
            f"{account}OutboundProxy": "0.0.0.0",
            f"{account}OutboundProxyPort": 5060,
            f"{account}AccountInRoute": 4,
            f"{account}AccountPrior": 4,
        }
    return tree


def family_a(modes: str, *, sockets: int = 0, **faults: object) -> MemoryDevice:
    tree = tr181_wifi(ROLES_A, modes) | management("Device.")
    tree["Device.WiFi.X_TP_BandSteering.Enable"] = False
    tree["Device.Users.User.2.Password"] = ""
    if sockets:
        tree |= tplink_voice(sockets)
    later = ["Device.WiFi.*"]
    return MemoryDevice(tree, write_only=SECRETS, later=later, **faults)  # type: ignore[arg-type]


def xx230v(**faults: object) -> MemoryDevice:
    return family_a(XX230V_MODES, sockets=1, **faults)


def ex220(**faults: object) -> MemoryDevice:
    return family_a(EX220_MODES, **faults)


def ec220v3() -> MemoryDevice:
    tree = tr181_wifi(ROLES_B, XX230V_MODES) | management("Device.")
    return MemoryDevice(tree, write_only=SECRETS, later=["Device.WiFi.*"])


def crossed_tr181(**faults: object) -> MemoryDevice:
    """Generic TR-181 whose AccessPoint 1 stands on SSID 3, and 2 on SSID 5."""
    tree: dict[str, Plain] = {
        "Device.WiFi.Radio.4.OperatingFrequencyBand": "5GHz",
        "Device.WiFi.Radio.9.OperatingFrequencyBand": "2.4GHz",
    }
    for ap, ssid, radio in ((1, 3, 4), (2, 5, 9), (7, 6, 9)):
        old = tr181_wifi({1: (1, "")}, "None,WPA2-Personal,WPA3-Personal-Transition", dot="")
        for name, value in old.items():
            if ".Radio." not in name and not name.endswith("X_TP_APType"):
                name = name.replace("SSID.1.", f"SSID.{ssid}.").replace("Point.1.", f"Point.{ap}.")
                tree[name] = value
        tree[f"Device.WiFi.SSID.{ssid}.LowerLayers"] = f"Device.WiFi.Radio.{radio}"
        tree[f"Device.WiFi.AccessPoint.{ap}.SSIDReference"] = f"Device.WiFi.SSID.{ssid}"
    tree |= management("Device.")
    return MemoryDevice(tree, write_only=SECRETS, **faults)  # type: ignore[arg-type]


def tp_link_extras(row: str) -> dict[str, Plain]:
    """What TP-Link adds to a WLANConfiguration: isolation, width, and networks inside it."""
    tree: dict[str, Plain] = {
        f"{row}X_TP_IsolateClients": False,
        f"{row}MaxStaNum": 32,
        f"{row}X_TP_Bandwidth": "Auto",
        f"{row}X_TP_MultiSSID.MultiSSIDEnable": False,
    }
    for number in range(1, 5):
        entry = f"{row}X_TP_MultiSSID.MultiSSIDEntry.{number}."
        tree |= {
            f"{entry}SSID": f"TP-Link_Guest_{number}",
            f"{entry}Enable": False,
            f"{entry}SSIDAdvertisementEnable": True,
            f"{entry}IsolateClients": False,
            f"{entry}PreSharedKey": "",
            f"{entry}BeaconType": "Basic",
            f"{entry}BasicEncryptionModes": "None",
            f"{entry}IEEE11iAuthenticationMode": "PSKAuthentication",
            f"{entry}IEEE11iEncryptionModes": "TKIPandAESEncryption",
        }
    return tree


def tr098(*, vendor: bool = False, **faults: object) -> MemoryDevice:
    """Generic TR-098 with two bands, voice, and, as a TP-Link, vendor leaves."""
    tree: dict[str, Plain] = {}
    for number, channel in ((1, 6), (5, 36)):
        row = f"{WLAN}{number}."
        tree |= {
            f"{row}SSID": f"factory-{number}",
            f"{row}Enable": True,
            f"{row}Channel": channel,
            f"{row}AutoChannelEnable": True,
            f"{row}RadioEnabled": True,
            f"{row}PossibleChannels": "1-13" if channel == 6 else "36-64,100-140",
            f"{row}SSIDAdvertisementEnabled": True,
            f"{row}BeaconType": "Basic",
            f"{row}BasicEncryptionModes": "None",
            f"{row}WPAAuthenticationMode": "PSKAuthentication",
            f"{row}WPAEncryptionModes": "TKIPEncryption",
            f"{row}IEEE11iAuthenticationMode": "EAPAuthentication",
            f"{row}IEEE11iEncryptionModes": "TKIPEncryption",
        }
        if vendor:
            tree[f"{row}X_TP_PreSharedKey"] = ""
            tree[f"{row}X_TP_Band"] = "2.4GHz" if channel == 6 else "5GHz"
            tree |= tp_link_extras(row)
        else:
            tree[f"{row}KeyPassphrase"] = ""
            tree[f"{row}PreSharedKey.1.KeyPassphrase"] = ""
            tree[f"{row}PreSharedKey.1.PreSharedKey"] = ""
    profile = "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1."
    tree |= {
        f"{profile}Enable": "Disabled",
        f"{profile}DigitMap": "",
        f"{profile}DigitMapEnable": False,
        f"{profile}SIP.RegistrarServer": "",
        f"{profile}SIP.RegistrarServerPort": 5060,
        f"{profile}SIP.ProxyServer": "",
        f"{profile}SIP.ProxyServerPort": 5060,
        f"{profile}SIP.OutboundProxy": "",
        f"{profile}SIP.OutboundProxyPort": 5060,
        f"{profile}SIP.UserAgentDomain": "",
    }
    for line in (1, 2):
        row = f"{profile}Line.{line}."
        tree |= {
            f"{row}Enable": "Disabled",
            f"{row}DirectoryNumber": "",
            f"{row}SIP.AuthUserName": "",
            f"{row}SIP.AuthPassword": "",
            f"{row}SIP.URI": "",
        }
    if vendor:
        tree["InternetGatewayDevice.X_TP_UserCfg.AdminPwd"] = "admin"
    else:
        tree["InternetGatewayDevice.LANConfigSecurity.ConfigPassword"] = ""
    tree |= management("InternetGatewayDevice.")
    return MemoryDevice(tree, write_only=SECRETS, **faults)  # type: ignore[arg-type]


def brand(name: str) -> MemoryDevice:
    """A TR-098 device of another brand: four rows for each band on a Huawei, one on the others."""
    tree: dict[str, Plain] = {}
    rows = (1, 2, 5, 6) if name == "huawei" else (1, 5)
    for number in rows:
        row = f"{WLAN}{number}."
        tree |= {
            f"{row}SSID": f"{name}-{number}",
            f"{row}Enable": True,
            f"{row}Channel": 0,
            f"{row}SSIDAdvertisementEnabled": True,
            f"{row}BeaconType": "11i",
            f"{row}IEEE11iAuthenticationMode": "PSKAuthentication",
            f"{row}IEEE11iEncryptionModes": "AESEncryption",
            f"{row}PreSharedKey.1.PreSharedKey": "",
        }
        if name != "huawei":
            tree[f"{row}PreSharedKey.1.KeyPassphrase"] = ""
    tree |= management("InternetGatewayDevice.") | OPTICAL_OF_BRANDS[name]
    return MemoryDevice(tree, write_only=SECRETS)


_WAN = "InternetGatewayDevice.WANDevice.1."
OPTICAL_OF_BRANDS: dict[str, dict[str, Plain]] = {
    "huawei": {
        f"{_WAN}X_GponInterafceConfig.RXPower": Value("-21", ValueType.INT),
        f"{_WAN}X_GponInterafceConfig.TXPower": 2,
        f"{_WAN}X_GponInterafceConfig.SupplyVoltage": 3298,
        f"{_WAN}X_GponInterafceConfig.TransceiverTemperature": 47,
    },
    "zte": {
        f"{_WAN}X_ZTE-COM_WANPONInterfaceConfig.RXPower": 63,
        f"{_WAN}X_ZTE-COM_WANPONInterfaceConfig.TXPower": 14880,
    },
    "nokia": {
        "InternetGatewayDevice.X_ALU_OntOpticalParam.RXPower": "-21.3 dBm",
        "InternetGatewayDevice.X_ALU_OntOpticalParam.TXPower": "2.1 dBm",
    },
}
