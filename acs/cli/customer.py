"""The customer of one device, read from ERPNext while the command waits, and kept nowhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from acs.cli import render
from acs.devices.source import MirrorRow
from acs.server.bridge import load_mapping, make_client
from acs.settings import ErpSettings
from erp_bridge.customer import CustomerCard, read_card
from erp_bridge.errors import ErpError


@dataclass(frozen=True, slots=True)
class Answer:
    """The card, or why there is none to show."""

    card: CustomerCard | None = None
    problem: str = ""


def ask(settings: ErpSettings, wish: MirrorRow | None) -> Answer:
    """Read the card of the customer whom the equipment of ``wish`` belongs to. Blocking.

    Raises nothing for faults of the settings or the site: they are the answer.
    """
    if not settings.url:
        return Answer(problem="settings: --customer asks ERPNext, but erp.url is empty")
    if wish is None:
        return Answer(problem="no customer: the device has no equipment in the mirror")
    name = wish.equipment.customer
    if not name:
        return Answer(problem=f"no customer: {wish.equipment.name} names none in ERPNext")
    try:
        mapping = load_mapping(settings)
        if not mapping.customer.doctype:
            return Answer(problem="mapping: customer.doctype is empty, so customers are not read")
        client = make_client(settings)
    except ValueError as error:
        return Answer(problem=f"settings: {error}")
    try:
        with render.progress(f"Asking ERPNext for {name}"):
            card = read_card(client, mapping, name)
    except ErpError as error:
        return Answer(problem=f"ERPNext: {error}")
    finally:
        client.close()
    if card is None:
        return Answer(problem=f"ERPNext: there is no {mapping.customer.doctype} {name!r}")
    return Answer(card)


def document(answer: Answer) -> dict[str, str] | None:
    """Make the card a JSON object; None: there is none."""
    return asdict(answer.card) if answer.card else None


def print_card(answer: Answer) -> None:
    """Print the card for people, if there is one."""
    card = answer.card
    if card is None:
        return
    render.heading("Customer")
    render.print_facts(
        (
            ("Name", card.title),
            ("Document", card.name if card.name != card.title else ""),
            ("Phone", card.phone or "none"),
            ("E-mail", card.email or "none"),
        )
    )
