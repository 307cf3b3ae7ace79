"""Jobs: what an operator or a rule wants done on a device, with an honest result.

`run` goes through the open jobs of a device; each of the other modules does some kinds of them.
"""

from acs.devices.jobs.kind import command_key
from acs.devices.jobs.run import KINDS, run_jobs, take_notice

__all__ = ["KINDS", "command_key", "run_jobs", "take_notice"]
