"""Custom attributes as WizCommerce defines them: what each may hold, and what is sent for the source's words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from importer.tables import ATTRIBUTE_PREFIX, Entity

__all__ = ["AttributeDefinition", "Definitions", "defined_columns"]

_CHOICES = frozenset({"select", "multi_select"})
_UNLIMITED = frozenset({"long_text", "html"})  # no limit of 255 characters is documented for these
_SEPARATORS = re.compile(r"(\s*[,;|]\s*)")  # between choices; which one the API takes is not documented


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """An attribute as WizCommerce defines it.

    ``options``: the values that a ``select`` or ``multi_select`` takes. ``labels``: what people see in place of such a
    value, where that differs: label → value. ``mandatory``: each record has to have it.
    """

    name: str
    data_type: str
    options: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    mandatory: bool = False

    @property
    def has_options(self) -> bool:
        """Whether it takes nothing but its options."""
        return self.data_type in _CHOICES and bool(self.options)

    @property
    def unlimited(self) -> bool:
        """Whether its text may be longer than 255 characters."""
        return self.data_type in _UNLIMITED

    def choose(self, text: str) -> tuple[str, str | None]:
        """(What is sent for the source's text, the part of it that is no option, if any).

        A value goes before a label. Several choices of a ``multi_select`` stay separated as they are.
        """
        value = self._value(text)
        if value is not None or self.data_type != "multi_select":
            return (text, text) if value is None else (value, None)
        parts = _SEPARATORS.split(text)
        chosen = {part: self._value(part) for part in parts[::2] if part}
        wrong = next((part for part, value in chosen.items() if value is None), None)
        return (text if wrong is not None else "".join(chosen.get(part) or part for part in parts)), wrong

    def _value(self, text: str) -> str | None:
        return text if text in self.options else self.labels.get(text)


Definitions = Mapping[Entity, Mapping[str, AttributeDefinition]]


def defined_columns(
    definitions: Definitions, wanted: Callable[[AttributeDefinition], bool]
) -> dict[Entity, frozenset[str]]:
    """Entity → the columns of its wanted attributes."""
    return {
        entity: frozenset(f"{ATTRIBUTE_PREFIX}{name}" for name, definition in own.items() if wanted(definition))
        for entity, own in definitions.items()
    }
