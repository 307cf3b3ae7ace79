"""The settings: what is not the default, and what is allowed but unwise."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from acs.cli.settings import as_text, every_setting
from acs.server.parts import safety_of
from acs.settings import AuthMode, Settings, split_address
from erp_bridge.schema import Finding, Level


def check(settings: Settings) -> Iterator[Finding]:
    """Name values that somebody gave, and risks."""
    for each in every_setting(settings):
        if each.source != "default":
            yield Finding(Level.OK, f"{each.key} = {as_text(each.value)} ({each.source})")
    yield from _safety(settings)
    yield from _auth(settings)
    yield from _addresses(settings)
    if settings.erp.url.startswith("https:") and not settings.erp.verify_tls:
        yield Finding(
            Level.WARNING,
            "erp.verify_tls is off: anybody in between can pose as ERPNext",
            "Set it to true; have the site show a certificate that this machine trusts",
        )


def _safety(settings: Settings) -> Iterator[Finding]:
    notice = safety_of(settings).notice
    if not notice:
        yield Finding(Level.OK, "safety.mode is on: devices and ERPNext are written to")
        return
    fix = 'Look at what is planned (acs device list --standing planned); then safety.mode = "on"'
    yield Finding(Level.WARNING, f"safety.mode is {notice}", fix)


def _auth(settings: Settings) -> Iterator[Finding]:
    auth, cwmp = settings.auth, settings.cwmp
    if auth.mode is AuthMode.NONE:
        yield Finding(
            Level.WARNING,
            "auth.mode is none: whoever reaches the port gets a customer's settings by naming "
            "its serial number",
            'Set auth.mode = "digest", but in a lab that nobody else reaches',
        )
        return
    basic = auth.mode in (AuthMode.BASIC, AuthMode.ANY)
    if basic and cwmp.listen and auth.allow_basic_on_http:
        yield Finding(
            Level.WARNING,
            "Basic is accepted on plain HTTP: passwords cross the network in clear",
            "Set auth.allow_basic_on_http = false and have devices use cwmp.tls_listen",
        )
    if not auth.own_credentials:
        yield Finding(
            Level.WARNING,
            "auth.own_credentials is off: all devices share one password for ever",
            "Set it to true",
        )
    source = settings.source("auth.bootstrap_password")
    if not auth.bootstrap_password:
        yield Finding(
            Level.OK,
            "The password that new devices share will be made at the first start; then see it: "
            "acs settings show --reveal bootstrap_password",
        )
    elif source == "generated":
        yield Finding(
            Level.OK,
            "The password that new devices share was generated; see it: "
            "acs settings show --reveal bootstrap_password",
        )
    elif len(auth.bootstrap_password.reveal()) < 12:
        yield Finding(
            Level.WARNING,
            f"auth.bootstrap_password is short ({source}), and opens every new device's record",
            "Choose one of 12 characters or more, or leave it out to have one made",
        )


def _addresses(settings: Settings) -> Iterator[Finding]:
    admin = settings.admin.listen
    if admin and not _is_private(split_address(admin)[0]):
        yield Finding(
            Level.WARNING,
            f"admin.listen is {admin}: health and metrics ask for no password",
            "Listen on 127.0.0.1 or an address of the management network",
        )


def _is_private(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    # 0.0.0.0 counts as private in the registry, but is every address of the machine.
    return address.is_private and not address.is_unspecified
