"""Signatures of webhooks: what Frappe computed verifies, and nothing else does."""

from __future__ import annotations

import pytest

from erp_bridge.signature import is_signed, sign

SECRET = "test-vector-secret"
ONE_LINE = (
    b'{"event": "equipment.updated", "name": "SE-1001-1", "mac_address": "AA:BB:CC:00:10:01", '
    b'"ssid": "Maison \\u00e9t\\u00e9", "modified": "2026-11-22 04:53:40.123456"}'
)
INDENTED = (
    b'{\n "event": "equipment.updated",\n "mac_address": "AA:BB:CC:00:10:01",\n '
    b'"modified": "2026-11-22 04:53:40.123456",\n "name": "SE-1001-1",\n '
    b'"ssid": "Maison \\u00e9t\\u00e9"\n}'
)
RECORDED = (
    b'{"event": "dispatch.completed", "name": "DJ-1001", '
    b'"modified": "2026-11-22 04:53:45.139664", "customer": "Jean Tremblay", '
    b'"service_location": "SL-1001", "completed_on": "2026-12-01 10:30:00"}'
)
VECTORS = {
    "one line, as version 15 writes": (
        SECRET,
        ONE_LINE,
        "hF1i7RhZJLYbdSaxldXobeXDXujRTFSMwjBVg1T4X7w=",
    ),
    "indented, as newer versions write": (
        SECRET,
        INDENTED,
        "xMSjUO7/8GNF6DvpTUc9+h/3SOjNolRvE0BYho2VxGg=",
    ),
    "recorded, with a secret that is not ASCII": (
        "wh-secret-é-1",
        RECORDED,
        "xy2qwsQyAKfKaGnEzSXgqMQDb83wpcGGFcqvy0+QXOA=",
    ),
}


@pytest.mark.parametrize(("secret", "body", "signature"), VECTORS.values(), ids=VECTORS)
def test_the_signature_of_the_octets_that_were_sent(
    secret: str, body: bytes, signature: str
) -> None:
    assert sign(secret, body) == signature
    assert is_signed(secret, body, signature)
    assert is_signed(secret, body, f" {signature} ")
    assert not is_signed(secret, body[:-1] + b" ", signature), "one octet was changed"
    assert not is_signed(secret + "x", body, signature), "another secret"
    assert not is_signed(secret, body, "")
    assert not is_signed(secret, body, signature[:-1])
    assert not is_signed(secret, body, "pas-une-signature-é\udce9")
