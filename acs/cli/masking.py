"""What commands never print; `acs.profiles.secrets` knows which parameters hold secrets."""

from acs.profiles.secrets import MASK, Masks

__all__ = ["MASK", "Masks"]
