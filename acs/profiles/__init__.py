"""What devices should be: intent, blueprints, plan, converge and proof."""

from acs.profiles.blueprint import Blueprint, Certainty, Doubt
from acs.profiles.blueprint_file import Issue
from acs.profiles.changes import Creation, Group, PlannedChange, Step
from acs.profiles.convergence import converge
from acs.profiles.dial_plans import DialPlan
from acs.profiles.health.findings import LAST_RESORT
from acs.profiles.health.look import health_of, reads_of_health
from acs.profiles.health.optical import Light, Thresholds
from acs.profiles.health.report import Finding, Health, Severity
from acs.profiles.intent import (
    Band,
    Checked,
    Intent,
    Management,
    Problem,
    Radio,
    Role,
    Security,
    VoiceLine,
    Wan,
    WifiNetwork,
)
from acs.profiles.intent_check import check
from acs.profiles.intent_mapping import intent_from_mapping, intent_to_mapping
from acs.profiles.library import Facts, Library, check_file, read_file
from acs.profiles.outcome import Outcome, OutcomeKind, Task, WriteLost
from acs.profiles.plan import Plan, fingerprint, make_plan, marker_of
from acs.profiles.reading import Reads, reads

__all__ = [
    "LAST_RESORT",
    "Band",
    "Blueprint",
    "Certainty",
    "Checked",
    "Creation",
    "DialPlan",
    "Doubt",
    "Facts",
    "Finding",
    "Group",
    "Health",
    "Intent",
    "Issue",
    "Library",
    "Light",
    "Management",
    "Outcome",
    "OutcomeKind",
    "Plan",
    "PlannedChange",
    "Problem",
    "Radio",
    "Reads",
    "Role",
    "Security",
    "Severity",
    "Step",
    "Task",
    "Thresholds",
    "VoiceLine",
    "Wan",
    "WifiNetwork",
    "WriteLost",
    "check",
    "check_file",
    "converge",
    "fingerprint",
    "health_of",
    "intent_from_mapping",
    "intent_to_mapping",
    "make_plan",
    "marker_of",
    "read_file",
    "reads",
    "reads_of_health",
]
