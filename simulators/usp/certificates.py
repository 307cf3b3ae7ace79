"""Certificates that a controller hands to an agent (TR-181 LocalAgent.Certificate)."""

from __future__ import annotations

from cryptography import x509

from .errors import COMMAND_ARGUMENTS, COMMAND_FAILED, PERMISSION, RESOURCES, Refusal
from .unit import CONTROLLERS, Controller, Unit

CERTIFICATES = "Device.LocalAgent.Certificate."
_MOST = 16
_LONGEST_ISSUER, _LONGEST_ALIAS = 256, 64


def add(unit: Unit, pem: str, alias: str) -> str:
    """Add a certificate; return its row.

    ``alias``: of the row; empty: the agent chooses it.  Raises `Refusal`: 7027 for what is no
    certificate in PEM, or an alias that is too long, 7022 for one that is there, 7005 when
    there is room for no more.
    """
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Refusal(COMMAND_ARGUMENTS, "Certificate is no certificate in PEM") from None
    if len(alias) > _LONGEST_ALIAS:
        raise Refusal(COMMAND_ARGUMENTS, "Alias")
    data = unit.data
    table = data.tree.overlay.table(CERTIFICATES)
    if len(table.rows) >= _MOST:
        raise Refusal(RESOURCES, CERTIFICATES)
    before = data.snapshot()
    row = data.tree.make_row(CERTIFICATES, table.next_row)
    data.tree.put(row + "Alias", alias or f"cpe-{row[len(CERTIFICATES) : -1]}")
    data.tree.put(row + "SerialNumber", f"{found.serial_number:X}")
    data.tree.put(row + "Issuer", found.issuer.rfc4514_string()[:_LONGEST_ISSUER])
    try:
        data.check_unique(row)
    except Refusal as refusal:
        data.restore(before)
        raise Refusal(COMMAND_FAILED, refusal.text) from None
    return row


def add_own(unit: Unit, at: str, asks: Controller, pem: str, alias: str) -> None:
    """Add a certificate of the controller at row ``at``, which itself has to ask for it.

    Raises `Refusal` 7006 where another one does, and what `add` raises.
    """
    if asks.row != at:
        raise Refusal(PERMISSION, "a controller adds certificates of its own alone")
    row = add(unit, pem, alias)
    known = unit.data.value(at + "Credential")
    unit.data.tree.put(at + "Credential", ",".join(filter(None, (known, row.removesuffix(".")))))


def delete(unit: Unit, at: str) -> None:
    """Take the certificate at row ``at`` away, and what refers to it (a strong reference)."""
    for controller in unit.data.rows(CONTROLLERS):
        path = controller + "Credential"
        listed = (each.strip() for each in unit.data.value(path).split(","))
        kept = [each for each in listed if each and each.removesuffix(".") + "." != at]
        unit.data.tree.put(path, ",".join(kept))
    unit.data.tree.drop_row(CERTIFICATES, int(at[len(CERTIFICATES) : -1]))
