"""The API's contract, checked before anything is sent, and what the mapping's policies make of the problems."""

from importer.validation.attributes import (
    AttributeDefinition,
    Definitions,
    check_attributes,
    defined_columns,
    unchecked_attributes,
    used_attributes,
)
from importer.validation.contract import validate
from importer.validation.policies import Settled, complete_defaults, settle

__all__ = [
    "AttributeDefinition",
    "Definitions",
    "Settled",
    "check_attributes",
    "complete_defaults",
    "defined_columns",
    "settle",
    "unchecked_attributes",
    "used_attributes",
    "validate",
]
