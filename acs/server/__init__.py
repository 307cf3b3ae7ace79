"""The composition root: it alone knows every part, builds them, starts and stops them."""

from acs.server.bridge import misfits
from acs.server.server import Server, fingerprint_key, open_database, policy_of

__all__ = ["Server", "fingerprint_key", "misfits", "open_database", "policy_of"]
