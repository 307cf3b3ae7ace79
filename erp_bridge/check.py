"""What `acs doctor` asks about the ERPNext site: each result names the fix."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpError, ErpForbidden, ErpNotFound, ErpRejected
from erp_bridge.mapping import PASSWORDS, Mapping, fields, site_fields
from erp_bridge.outbox.fitting import write_back_findings
from erp_bridge.schema import (
    Finding,
    Level,
    check_customer,
    check_linked,
    check_meta,
    check_subscription,
    linked_doctypes,
)

_THIS_HOST = frozenset({"localhost", "127.0.0.1", "::1"})


def findings(client: ErpClient, mapping: Mapping) -> list[Finding]:
    """Check the site, as far as it answers. Blocking; raises nothing for a site's faults."""
    found: list[Finding] = []
    questions = (_alive, _user, _time_zone, schema_findings, _list, _script, _voice, _customer)
    for check in (*questions, write_back_findings):
        try:
            found += check(client, mapping)
        except ErpError as error:
            found.append(Finding(Level.ERROR, error.text, error.fix))
            # Without an answer or a user, every later check would say the same again.
            if check in (_alive, _user):
                break
    return found


def _alive(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    client.ping()
    yield Finding(Level.OK, f"ERPNext answers at {client.origin}")
    address = urlsplit(client.origin)
    if address.scheme == "http" and address.hostname not in _THIS_HOST:
        yield Finding(
            Level.WARNING,
            "ERPNext is asked without TLS: passwords cross the network in clear",
            "Use an https:// address",
        )


def _user(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    user = client.whoami()
    if user == "Administrator":
        yield Finding(
            Level.WARNING,
            "The API key belongs to Administrator, who may do everything",
            "Make a user of its own with a role for the equipment doctypes only",
        )
    else:
        yield Finding(Level.OK, f"The API key belongs to {user}")


def _time_zone(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    name = client.time_zone()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Finding(
            Level.WARNING,
            f"The site's time zone {name!r} is not known here",
            "Set it in System Settings of the site, by its IANA name",
        )
    else:
        yield Finding(Level.OK, f"The site's times are in {name}")


def schema_findings(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    """Compare the mapping with the live site alone. Raises `ErpError` when it does not answer."""
    doctype = mapping.equipment.doctype
    try:
        meta = client.meta(doctype)
    except (ErpNotFound, ErpRejected) as error:
        yield Finding(
            Level.ERROR,
            f"The site has no doctype {doctype!r}: {error.text}",
            "Name the right one in equipment.doctype of the mapping, or create it on the site",
        )
        return
    problems = check_meta(mapping, meta)
    for link, target in linked_doctypes(mapping, meta).items():
        problems += check_linked(mapping, link, target, client.meta(target))
    yield from problems or [Finding(Level.OK, f"{doctype} has all mapped fields")]
    yield from _subscriptions(client, mapping)


def _subscriptions(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    """A site without such a doctype is served without; one that hides it is not."""
    doctype = mapping.subscription.doctype
    if not doctype:
        return
    try:
        meta = client.meta(doctype)
    except (ErpNotFound, ErpRejected) as error:
        yield Finding(
            Level.WARNING,
            f"The site has no doctype {doctype!r}, so no subscription is looked at, and devices get"
            f" what their equipment says: {error.text}",
            'Name the right one in subscription.doctype of the mapping, or write doctype = ""'
            " there",
        )
        return
    try:
        # That the schema is told does not mean that the documents are.
        client.get_list(doctype, ["name"], limit=1)
    except ErpForbidden as error:
        yield Finding(
            Level.ERROR,
            f"{doctype} may not be read, so nobody knows who is still a customer: {error.text}",
            f'Give the API user a role that may read {doctype}, or write doctype = "" in'
            " [subscription] of the mapping",
        )
        return
    problems = check_subscription(mapping, meta)
    yield from problems or [Finding(Level.OK, f"{doctype} has all mapped fields")]


def _list(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    rows = client.get_list(mapping.equipment.doctype, fields(mapping), limit=1)
    if rows:
        yield Finding(Level.OK, f"{mapping.equipment.doctype} can be listed")
    else:
        yield Finding(
            Level.WARNING,
            f"{mapping.equipment.doctype} has no row that this user may see",
            "Enter equipment, or remove the User Permissions that hide it",
        )


def _script(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    names = site_fields(mapping)
    wanted = [names[ours] for ours in PASSWORDS if ours in names]
    script = mapping.passwords.script
    if not wanted or not script:
        return
    rows = client.get_list(mapping.equipment.doctype, ["name"], limit=1)
    try:
        if mapping.passwords.bulk:
            answer = client.ask(script, names=[row["name"] for row in rows])
            answers = answer if isinstance(answer, list) else [None]
        else:
            answers = [client.ask(script, name=row["name"]) for row in rows]
    except ErpRejected as error:
        yield Finding(
            Level.ERROR,
            f"The Server Script {script} is missing or fails: {error.text}",
            "Install the text of erp_bridge/scripts/acs_equipment_secrets.py on the site; its"
            " head says how",
        )
        return
    shown = [one for one in answers if isinstance(one, dict)]
    if len(shown) < len(answers):
        yield Finding(
            Level.ERROR,
            f"The Server Script {script} does not answer as expected",
            "Install its current text, or set passwords.bulk in the mapping to what it takes",
        )
        return
    absent = [name for name in wanted if any(name not in one for one in shown)]
    if absent:
        yield Finding(
            Level.ERROR,
            f"The Server Script {script} does not hand out {', '.join(absent)}",
            "Add the field to FIELDS at the head of the script; with the HTML filter on, a"
            " site may withhold it: tick Ignore XSS Filter on the field",
        )
    else:
        yield Finding(Level.OK, f"The Server Script {script} hands out passwords")


def _voice(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    names = site_fields(mapping)
    known = mapping.voice.registrar or "sip_registrar" in names
    if "sip_username" in names and not known:
        yield Finding(
            Level.WARNING,
            "The mapping names no SIP registrar: telephone lines keep the one of the device",
            "Set voice.registrar in the mapping, or map a field as sip_registrar",
        )


def _customer(client: ErpClient, mapping: Mapping) -> Iterator[Finding]:
    """Customers are shown to people only: whatever is wrong, devices are served."""
    doctype = mapping.customer.doctype
    if not doctype:
        return
    loss = "customers' names, phones and e-mails are not shown"
    try:
        meta = client.meta(doctype)
        # That the schema is told does not mean that the documents are.
        client.get_list(doctype, ["name"], limit=1)
    except (ErpNotFound, ErpRejected) as error:
        yield Finding(
            Level.WARNING,
            f"The site has no doctype {doctype!r}, so {loss}: {error.text}",
            'Name the right one in customer.doctype of the mapping, or write doctype = "" there',
        )
    except ErpForbidden as error:
        yield Finding(
            Level.WARNING,
            f"{doctype} may not be read, so {loss}: {error.text}",
            f'Give the API user a role that may read {doctype}, or write doctype = "" in'
            " [customer] of the mapping",
        )
    else:
        problems = check_customer(mapping, meta)
        yield from problems or [Finding(Level.OK, f"{doctype} has all mapped fields")]
