"""What a run does with each customer, from what the ledger and the API know of it. Nothing here reads or writes."""

from importer.planner.actions import LOST, Mode, drift, ids_to_look_up, plan
from importer.planner.merger import Merger
from importer.planner.updates import ChildChange, CustomerUpdate, FieldChange

__all__ = [
    "LOST",
    "ChildChange",
    "CustomerUpdate",
    "FieldChange",
    "Merger",
    "Mode",
    "drift",
    "ids_to_look_up",
    "plan",
]
