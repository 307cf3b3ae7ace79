"""The signature of a webhook, as Frappe makes it (`frappe/integrations/doctype/webhook`).

Base64 of HMAC-SHA256 over the octets of the body as they were sent, with the secret in UTF-8. It
is never made of JSON that was read and written again: versions of Frappe write it differently.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

HEADER = "x-frappe-webhook-signature"
"""The header field it comes in, in lower case."""


def sign(secret: str, body: bytes) -> str:
    """Make the signature of ``body``."""
    return base64.b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Tell whether ``signature`` is that of ``body``, in a time that does not depend on it."""
    made = sign(secret, body).encode()
    return hmac.compare_digest(made, signature.strip().encode("utf-8", "surrogateescape"))
