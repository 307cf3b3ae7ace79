"""`acs doctor`: what is missing or wrong, each with its fix. One module per area."""

from acs.cli.doctor.command import doctor

__all__ = ["doctor"]
