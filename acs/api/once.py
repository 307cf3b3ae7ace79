"""The header field Idempotency-Key: a request that is sent again is not carried out again.

After the IETF draft (draft-ietf-httpapi-idempotency-key-header): the same key with the same
request gets the same answer, with another request it is refused (422). One that comes while the
first is carried out waits for its answer.
"""

from __future__ import annotations

import re

from acs.api.problems import wrong_field
from acs.api.routes import Answer, Call
from acs.store.idempotency import Kept, Once

FIELD = "Idempotency-Key"
HEADERS = {
    FIELD: "A new one for each request (a UUID): sent again with the same one, it is not carried "
    "out again, and answered as before. Kept for 24 hours."
}
_QUOTED = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,200})"|([\x21\x23-\x5b\x5d-\x7e]{1,200})')


def once_of(call: Call, action: str, digest: str) -> Once | None:
    """Read the key of a call; None: it has none. Raises `Problem` 422 for one that is none.

    A key belongs to the token and to ``action``; ``digest`` stands for what the request says.
    """
    given = call.headers.get(FIELD.lower(), "").strip()
    if not given:
        return None
    found = _QUOTED.fullmatch(given)
    if found is None:
        raise wrong_field(
            FIELD,
            "1 to 200 visible ASCII characters are needed, such as a UUID.",
            "Il faut de 1 à 200 caractères ASCII visibles, comme un UUID.",
        )
    return Once(f"{call.caller.name} {action}", found[1] or found[2], digest)


OTHER_REQUEST = wrong_field(
    FIELD,
    "This key was used for a request that said something else.",
    "Cette clé a servi à une requête qui disait autre chose.",
)


def answer_of(kept: Kept) -> Answer:
    """Make the answer of what was kept."""
    again = (("Idempotency-Replayed", "true"),) if kept.again else ()
    return Answer(kept.body, kept.status, again)
