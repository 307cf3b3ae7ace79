"""Webhooks of the business system: proven by a signature, kept, and answered at once.

What they say is only that a document changed; it is read again by whoever works off the inbox. A
webhook that is sent again, by a sender that got no answer or by somebody who listened, is the same
row as long as the row is remembered (`acs.store.inbox.prune_thd`), and later costs one more look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct

from acs.api.intake import Intake
from acs.api.problems import Problem
from acs.api.routes import Call, Route
from acs.api.validation import NO_NUL
from acs.api.words import Words
from acs.store.inbox import Arrival

SOURCE = "erpnext"
BODY_BYTES = 1_048_576

ShortText = Annotated[str, Meta(max_length=140, pattern=NO_NUL)]


class Event(Struct, frozen=True):
    """A document changed. What else the body says is not looked at."""

    name: Annotated[str, Meta(min_length=1, max_length=140, pattern=NO_NUL)]
    """Name of the document."""
    modified: ShortText | None = None
    """When it was changed, as its own time stamp says. It tells what was sent again from what is
    new; without it every webhook is new."""
    event: ShortText | None = None
    """What happened to it."""


class Taken(Struct, frozen=True):
    """The webhook is kept."""

    new: bool
    """False: it was delivered before."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What is known of who sends webhooks.

    ``doctypes`` by their names; the address has them in any case, with blanks, dashes or
    underscores. ``is_signed`` is given body and signature, which comes in the field
    ``signature_field`` (lower case); None: there is no secret, so nothing can be proven.
    """

    doctypes: Iterable[str]
    signature_field: str
    is_signed: Callable[[bytes, str], bool] | None


def routes(sender: Sender, intake: Intake) -> tuple[Route, ...]:
    """Take webhooks into the inbox."""
    doctypes = {_folded(name): name for name in sender.doctypes}

    def check(call: Call) -> None:
        if sender.is_signed is None:
            raise Problem(404, _NO_SECRET)
        if _folded(call.path["doctype"]) not in doctypes:
            known = ", ".join(doctypes.values())
            raise Problem(404, Words(f"Taken are: {known}.", f"Sont acceptés : {known}."))
        signature = call.headers.get(sender.signature_field, "")
        if not sender.is_signed(call.raw, signature):
            raise Problem(401, _WRONG if signature else _NOT_SIGNED)

    async def take(call: Call) -> Taken:
        event: Event = call.body
        doctype = doctypes[_folded(call.path["doctype"])]
        stamp = event.modified or call.request_id
        arrival = Arrival(
            source=SOURCE,
            key="|".join((doctype, event.name, stamp, event.event or "")),
            doctype=doctype,
            name=event.name,
            modified=event.modified or "",
        )
        return Taken(await intake.take(arrival))

    return (
        Route(
            "POST",
            "/hooks/erpnext/{doctype}",
            take,
            "Tell that a document of ERPNext changed",
            body=Event,
            answer=Taken,
            check=check,
            # Frappe names no type unless its webhook is told to.
            any_type=True,
            body_bytes=BODY_BYTES,
            headers={sender.signature_field: "Signature of the body, made with the shared secret"},
        ),
    )


def _folded(doctype: str) -> str:
    return "".join(filter(str.isalnum, doctype)).casefold()


_NO_SECRET = Words(
    "No webhooks are taken: set erp.webhook_secret.",
    "Aucun webhook n'est accepté : réglez erp.webhook_secret.",
)
_NOT_SIGNED = Words(
    "The webhook is not signed: enable its security and give it the secret.",
    "Le webhook n'est pas signé : activez sa sécurité et donnez-lui le secret.",
)
_WRONG = Words(
    "The signature is not that of the body: is the secret the same on both sides?",
    "La signature n'est pas celle du corps : le secret est-il le même des deux côtés ?",
)
