"""Wishes that cannot be: named before anything is sent to a device."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from unicodedata import category

from acs.model import Secret
from acs.profiles.intent import (
    Band,
    Checked,
    Intent,
    Management,
    Problem,
    Radio,
    Role,
    Security,
    VoiceLine,
    Wan,
    WifiNetwork,
    raw_key,
    where_radio,
    where_voice,
    where_wifi,
)

MAX_SSID_OCTETS = 32
CHANNELS: Mapping[Band, range] = {
    Band.GHZ_2_4: range(1, 15),
    Band.GHZ_5: range(32, 178),
    Band.GHZ_6: range(1, 234),
}
"""Channel numbers of IEEE 802.11; which of them a device has is its country's matter."""
WIDTHS: Mapping[Band, tuple[int, ...]] = {
    Band.GHZ_2_4: (20, 40),
    Band.GHZ_5: (20, 40, 80, 160),
    Band.GHZ_6: (20, 40, 80, 160, 320),
}
KEYED = (Security.WPA_WPA2, Security.WPA2, Security.WPA2_WPA3, Security.WPA3)
_PASSPHRASE = frozenset(map(chr, range(0x20, 0x7F)))
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
_Finding = tuple[str, str]
"""A setting and why it cannot be."""


def check(intent: Intent) -> Checked:
    """Name the impossible parts of ``intent`` and return it without them.

    A network, line or group with one impossible value is left out as a whole: what the
    device has now is better than half of a change.  Limits are those of IEEE 802.11
    (SSID, key), TR-104 and TR-181.
    """
    problems: list[Problem] = []

    def sound(where: str, findings: Iterator[_Finding]) -> bool:
        found = [Problem(where, setting, reason) for setting, reason in findings]
        problems.extend(found)
        return not found

    networks = Counter((network.band, network.role) for network in intent.wifi)
    lines = Counter(line.line for line in intent.voice)
    bands = Counter(radio.band for radio in intent.radios)
    wan, management, password = intent.wan, intent.management, intent.admin_password
    possible = replace(
        intent,
        wifi=tuple(
            network
            for network in intent.wifi
            if sound(where_wifi(network), _check_wifi(network, networks))
        ),
        voice=tuple(
            line for line in intent.voice if sound(where_voice(line), _check_voice(line, lines))
        ),
        wan=wan if wan and sound("wan", _check_wan(wan)) else None,
        management=(
            management
            if management and sound("management", _check_management(management))
            else None
        ),
        admin_password=password if sound("admin", _check_password(password)) else None,
        radios=tuple(
            radio
            for radio in intent.radios
            if sound(where_radio(radio), _check_radio(radio, bands))
        ),
    )
    return Checked(possible, tuple(problems))


def _check_wifi(network: WifiNetwork, known: Counter[tuple[Band, Role]]) -> Iterator[_Finding]:
    if known[network.band, network.role] > 1:
        yield "network", "is wanted more than once"
    if network.ssid is not None:
        octets = len(network.ssid.encode(errors="surrogatepass"))
        if not 1 <= octets <= MAX_SSID_OCTETS:
            yield "ssid", f"has {octets} octets; 1 to {MAX_SSID_OCTETS} are possible"
        elif not _printable(network.ssid):
            yield "ssid", "holds control characters"
    if network.passphrase is not None:
        yield from _check_passphrase(network, network.passphrase)
    elif network.security in KEYED:
        yield "passphrase", f"is missing: a {network.security} network needs one"
    if network.max_clients is not None and not 0 <= network.max_clients <= 255:
        yield "max_clients", f"is {network.max_clients}; 0 (no limit) to 255 are possible"


def _check_radio(radio: Radio, known: Counter[Band]) -> Iterator[_Finding]:
    if known[radio.band] > 1:
        yield "radio", "is wanted more than once"
    channels = CHANNELS[radio.band]
    if isinstance(radio.channel, int) and radio.channel not in channels:
        yield (
            "channel",
            (f"is {radio.channel}; {radio.band} GHz has {channels[0]} to {channels[-1]}, and auto"),
        )
    widths = WIDTHS[radio.band]
    if isinstance(radio.width, int) and radio.width not in widths:
        yield "width", f"is {radio.width}; {', '.join(map(str, widths))} MHz and auto are possible"


def _check_passphrase(network: WifiNetwork, passphrase: Secret) -> Iterator[_Finding]:
    if network.security is Security.OPEN:
        yield "passphrase", "is given for an open network, which has none"
    if raw_key(passphrase):
        if network.security in (Security.WPA3, Security.WPA2_WPA3):
            yield "passphrase", "is a key of 64 hex digits; WPA3 needs a passphrase"
        return
    text = passphrase.reveal()
    if not 8 <= len(text) <= 63:
        yield "passphrase", f"has {len(text)} characters; 8 to 63, or 64 hex digits, are possible"
    elif not _PASSPHRASE.issuperset(text):
        yield "passphrase", "holds characters that are not printable ASCII"


def _check_voice(line: VoiceLine, known: Counter[int]) -> Iterator[_Finding]:
    if line.line < 1:
        yield "line", "counts from 1"
    if known[line.line] > 1:
        yield "line", "is wanted more than once"
    for setting in ("username", "auth_username", "registrar", "proxy", "outbound_proxy", "domain"):
        text = getattr(line, setting)
        if text is not None and (not _printable(text) or any(map(str.isspace, text))):
            yield setting, "holds blanks or control characters"
    if line.username == "":
        yield "username", "is empty"
    if line.registrar == "":
        yield "registrar", "is empty"
    for setting in ("registrar_port", "proxy_port", "outbound_proxy_port"):
        port = getattr(line, setting)
        if port is not None and not 1 <= port <= 65535:
            yield setting, f"is {port}; 1 to 65535 are possible"
    if line.password is not None:
        yield from _check_secret("password", line.password, 128)
    if line.uri is not None and not line.uri.startswith(("sip:", "sips:")):
        yield "uri", "is not a SIP address (sip:…)"
    if line.display_name is not None and not _printable(line.display_name):
        yield "display_name", "holds control characters"
    if line.digit_map is not None and not (
        len(line.digit_map) <= 256 and _PASSPHRASE.issuperset(line.digit_map)
    ):
        yield "digit_map", "must be at most 256 characters of printable ASCII"
    if line.region is not None and not (
        len(line.region) == 2 and line.region.isascii() and line.region.isupper()
    ):
        yield "region", "must be two capital letters, like CA"


def _check_wan(wan: Wan) -> Iterator[_Finding]:
    if wan.mode is not None and wan.mode not in ("pppoe", "ipoe"):
        yield "mode", f"is {wan.mode!r}; pppoe and ipoe are possible"
    if wan.vlan is not None and not 1 <= wan.vlan <= 4094:
        yield "vlan", f"is {wan.vlan}; 1 to 4094 are possible"
    if wan.mode == "ipoe":
        for setting in ("username", "password"):
            if getattr(wan, setting) is not None:
                yield setting, "is given, but a connection with ipoe has no account"
    if wan.username is not None and not (1 <= len(wan.username) <= 64 and _printable(wan.username)):
        yield "username", "must be 1 to 64 printable characters"
    if wan.password is not None:
        yield from _check_secret("password", wan.password, 64)
    if wan.mtu is not None and not 576 <= wan.mtu <= 9000:
        yield "mtu", f"is {wan.mtu}; 576 to 9000 octets are possible"


def _check_management(management: Management) -> Iterator[_Finding]:
    interval = management.periodic_inform_interval
    if interval is not None and not 1 <= interval <= 0xFFFFFFFF:
        yield "periodic_inform_interval", f"is {interval}; 1 or more seconds are possible"
    url = management.acs_url
    if url is not None and not (
        url.startswith(("http://", "https://")) and _PASSPHRASE.issuperset(url) and " " not in url
    ):
        yield "acs_url", "is not an http or https address"
    yield from _check_stun(management)
    moment = management.periodic_inform_time
    if moment is not None and not _DATE_TIME.fullmatch(moment):
        yield "periodic_inform_time", "is no date and time, like 2026-01-31T04:00:00Z"
    for setting in ("acs_username", "connection_request_username", "stun_username"):
        text = getattr(management, setting)
        if text is not None and not (1 <= len(text) <= 256 and _printable(text)):
            yield setting, "must be 1 to 256 printable characters"
    for setting in ("acs_password", "connection_request_password", "stun_password"):
        secret = getattr(management, setting)
        if secret is not None:
            yield from _check_secret(setting, secret, 256)


def _check_stun(management: Management) -> Iterator[_Finding]:
    server, port = management.stun_server, management.stun_port
    if server is not None and (
        not 1 <= len(server) <= 256 or not _printable(server) or any(map(str.isspace, server))
    ):
        yield "stun_server", "must be a name or an address of 1 to 256 characters"
    if port is not None and not 1 <= port <= 65535:
        yield "stun_port", f"is {port}; 1 to 65535 are possible"
    least, most = management.stun_min_keepalive, management.stun_max_keepalive
    if least is not None and least < 0:
        yield "stun_min_keepalive", f"is {least}; 0 or more seconds are possible"
    if most is not None and most < -1:
        yield "stun_max_keepalive", f"is {most}; -1 (none) or more seconds are possible"
    if least is not None and most is not None and 0 <= most < least:
        yield "stun_max_keepalive", f"is {most}, less than stun_min_keepalive ({least})"


def _check_password(password: Secret | None) -> Iterator[_Finding]:
    if password is not None:
        yield from _check_secret("password", password, 64)


def _check_secret(setting: str, secret: Secret, limit: int) -> Iterator[_Finding]:
    text = secret.reveal()
    if not (1 <= len(text) <= limit and _printable(text)):
        yield setting, f"must be 1 to {limit} printable characters"


def _printable(text: str) -> bool:
    # Control characters and lone surrogates: XML cannot carry them, no device means them.
    return not any(category(letter) in ("Cc", "Cs") for letter in text)
