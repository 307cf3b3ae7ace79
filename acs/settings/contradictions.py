"""What each setting allows by itself but all of them together do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING

from acs.address import split_address
from acs.settings.sections import AuthMode, WebSocketAuth

if TYPE_CHECKING:
    from acs.settings.load import Settings


def contradictions(settings: Settings) -> Iterator[str]:
    """Name each contradiction, with what to change."""
    cwmp, auth, erp = settings.cwmp, settings.auth, settings.erp
    if cwmp.tls_listen and not (cwmp.tls_certificate and cwmp.tls_key):
        yield "cwmp.tls_listen: needs cwmp.tls_certificate and cwmp.tls_key"
    files = settings.files
    if files.tls_listen and not (cwmp.tls_certificate and cwmp.tls_key):
        yield "files.tls_listen: needs cwmp.tls_certificate and cwmp.tls_key"
    if settings.api.tls_listen and not (cwmp.tls_certificate and cwmp.tls_key):
        yield "api.tls_listen: needs cwmp.tls_certificate and cwmp.tls_key"
    if files.url and not (files.listen or files.tls_listen):
        yield "files.url: nothing listens there; set files.listen or files.tls_listen"
    for network in settings.wakeup.networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            yield f"wakeup.networks: {network!r} is no network, like 100.64.0.0/10"
    yield from _of_mqtt(settings)
    yield from _of_websocket(settings)
    if cwmp.tls_require_client_certificate and not cwmp.tls_client_ca:
        yield "cwmp.tls_require_client_certificate: needs cwmp.tls_client_ca"
    if not (cwmp.listen or cwmp.tls_listen):
        yield "cwmp.listen: both it and cwmp.tls_listen are off; no device could call"
    if auth.mode is AuthMode.BASIC and cwmp.listen and not auth.allow_basic_on_http:
        yield (
            'auth.mode: "basic" sends passwords in clear over cwmp.listen; set cwmp.listen = "" '
            "and use cwmp.tls_listen, or set auth.allow_basic_on_http = true"
        )
    if erp.url and not (erp.api_key and erp.api_secret):
        yield "erp.url: needs erp.api_key and erp.api_secret"
    if re.search(r"\s", erp.api_key + erp.api_secret.reveal()):
        # Frappe ignores an Authorization header that is not exactly two words.
        yield "erp.api_key, erp.api_secret: have a blank inside; copy them again"
    keys, current = settings.secrets.keys, settings.secrets.current
    if current and current not in keys:
        yield f"secrets.current: there is no key {current!r} in secrets.keys"
    if len(keys) > 1 and not current:
        yield "secrets.current: say which of secrets.keys new secrets are encrypted with"
    if settings.provisioning.backoff_max_seconds < settings.provisioning.backoff_seconds:
        yield "provisioning.backoff_max_seconds: is less than provisioning.backoff_seconds"
    health = settings.health
    if not health.light_high > health.light_warning > health.light_low:
        yield "health.light_high, light_warning, light_low: each must be below the one before it"
    for name, address in (
        ("cwmp.listen", cwmp.listen),
        ("cwmp.tls_listen", cwmp.tls_listen),
        ("files.listen", files.listen),
        ("files.tls_listen", files.tls_listen),
        ("mqtt.broker", settings.mqtt.broker.partition("://")[2]),
        ("mqtt.listen", settings.mqtt.listen),
        ("mqtt.tls_listen", settings.mqtt.tls_listen),
        ("websocket.listen", settings.websocket.listen),
        ("websocket.tls_listen", settings.websocket.tls_listen),
        ("api.listen", settings.api.listen),
        ("api.tls_listen", settings.api.tls_listen),
        ("stun.listen", settings.stun.listen),
        ("admin.listen", settings.admin.listen),
    ):
        try:
            split_address(address or ":0")
        except ValueError:  # the form is right, or it would not have been taken
            yield f"{name}: a port is at most 65535"


def _of_mqtt(settings: Settings) -> Iterator[str]:
    cwmp, mqtt = settings.cwmp, settings.mqtt
    if mqtt.broker == "embedded":
        if mqtt.tls_listen and not (cwmp.tls_certificate and cwmp.tls_key):
            yield "mqtt.tls_listen: needs cwmp.tls_certificate and cwmp.tls_key"
        if mqtt.username or mqtt.password:
            yield "mqtt.username, mqtt.password: the embedded broker has its own; leave them out"
    if mqtt.broker.startswith("mqtt://") and (mqtt.tls_ca or mqtt.tls_certificate):
        yield 'mqtt.broker: has no TLS; use "mqtts://", or leave out mqtt.tls_ca, tls_certificate'
    if bool(mqtt.tls_certificate) != bool(mqtt.tls_key):
        yield "mqtt.tls_certificate, mqtt.tls_key: one needs the other"


def _of_websocket(settings: Settings) -> Iterator[str]:
    cwmp, websocket = settings.cwmp, settings.websocket
    if websocket.tls_listen and not (cwmp.tls_certificate and cwmp.tls_key):
        yield "websocket.tls_listen: needs cwmp.tls_certificate and cwmp.tls_key"
    match websocket.auth:
        case WebSocketAuth.CERTIFICATE:
            if websocket.listen:
                yield (
                    "websocket.listen: no certificate can be shown without TLS; use "
                    'websocket.tls_listen, or for a lab set websocket.auth = "basic"'
                )
            if websocket.tls_listen and not (websocket.tls_client_ca or cwmp.tls_client_ca):
                yield (
                    'websocket.auth: "certificate" needs websocket.tls_client_ca, the '
                    "authorities that sign agents' certificates"
                )
        case WebSocketAuth.BASIC:
            if websocket.listen and not settings.auth.allow_basic_on_http:
                yield (
                    'websocket.auth: "basic" sends the password in clear over websocket.listen; '
                    'set websocket.listen = "" and use websocket.tls_listen, or set '
                    "auth.allow_basic_on_http = true"
                )
        case WebSocketAuth.NONE:
            pass
