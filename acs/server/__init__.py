"""The composition root: it alone knows every part, builds them, starts and stops them.

`Server` is in `acs.server.server`, so that a command which only needs the database does not load
a reactor.
"""

from acs.server.parts import fingerprint_key, load_library, open_database, policy_of

__all__ = ["fingerprint_key", "load_library", "open_database", "policy_of"]
