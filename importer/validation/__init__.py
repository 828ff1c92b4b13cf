"""The API's contract, checked before anything is sent, and what the mapping's policies make of the outcome."""

from importer.validation.attribute_definitions import AttributeDefinition, Definitions, defined_columns
from importer.validation.attributes import check_attributes, unchecked_attributes, used_attributes
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
