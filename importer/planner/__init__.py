"""What a run does with each customer, from what the ledger and the API know of it. Pure."""

from importer.planner.actions import LOST, Mode, drift, ids_to_look_up, plan
from importer.planner.changes import Change, apply_changes, compared, differences, in_effect
from importer.planner.updates import Clears, Merger, Update

__all__ = [
    "LOST",
    "Change",
    "Clears",
    "Merger",
    "Mode",
    "Update",
    "apply_changes",
    "compared",
    "differences",
    "drift",
    "ids_to_look_up",
    "in_effect",
    "plan",
]
