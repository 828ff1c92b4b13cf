"""What a run does with each customer, from what the ledger and the API know of it. Pure."""

from importer.planner.actions import LOST, Mode, drift, ids_to_look_up, plan
from importer.planner.changes import Change, apply_changes, compared, differences, in_effect

__all__ = [
    "LOST",
    "Change",
    "Mode",
    "apply_changes",
    "compared",
    "differences",
    "drift",
    "ids_to_look_up",
    "in_effect",
    "plan",
]
