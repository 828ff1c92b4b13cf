"""The API's contract, checked before anything is sent, and what the mapping's policies make of the outcome."""

from importer.validation.attributes import AttributeDefinition, check_attributes, unchecked_attributes, used_attributes
from importer.validation.check import validate
from importer.validation.settle import Settled, complete_defaults, settle

__all__ = [
    "AttributeDefinition",
    "Settled",
    "check_attributes",
    "complete_defaults",
    "settle",
    "unchecked_attributes",
    "used_attributes",
    "validate",
]
