"""What devices should be: intent, blueprints, plan, converge and proof."""

from acs.profiles.blueprint import Blueprint
from acs.profiles.blueprint_file import Issue
from acs.profiles.convergence import Outcome, OutcomeKind, Task, WriteLost, converge
from acs.profiles.intent import (
    Band,
    Checked,
    Intent,
    Management,
    Problem,
    Role,
    Security,
    VoiceLine,
    Wan,
    WifiNetwork,
    check,
)
from acs.profiles.intent_mapping import intent_from_mapping, intent_to_mapping
from acs.profiles.library import Facts, Library, check_file
from acs.profiles.plan import Group, Plan, PlannedChange, fingerprint, make_plan, marker_of
from acs.profiles.reading import Reads, reads

__all__ = [
    "Band",
    "Blueprint",
    "Checked",
    "Facts",
    "Group",
    "Intent",
    "Issue",
    "Library",
    "Management",
    "Outcome",
    "OutcomeKind",
    "Plan",
    "PlannedChange",
    "Problem",
    "Reads",
    "Role",
    "Security",
    "Task",
    "VoiceLine",
    "Wan",
    "WifiNetwork",
    "WriteLost",
    "check",
    "check_file",
    "converge",
    "fingerprint",
    "intent_from_mapping",
    "intent_to_mapping",
    "make_plan",
    "marker_of",
    "reads",
]
