"""What one write of an update replaced, and what WizCommerce shows of it now. Pure.

PATCH cannot empty a field, so a customer's field that had no value before keeps the one that was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from importer.planner.compare import as_text, body_of, child_of, records, replacement
from importer.tables import ChildKind

__all__ = ["Replaced"]

NOT_OWN = ("id", "addresses", "contacts", "attributes")  # of a record's own fields
IDS = ("assigned_sales_rep_ids", "assigned_price_list_id")
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replaced:
    """The values ``before`` and ``after`` a write: field to value, attributes as ``{"attributes": {name: value}}``.

    ``method``: PATCH of a customer, PUT or POST of a child of ``kind`` ("addresses" or "contacts"). None as a value:
    the field had none. None for all of them: not known any more, or, before a POST, nothing was there.
    """

    method: str
    kind: ChildKind | None
    before: Values | None
    after: Values | None

    @property
    def restorable(self) -> bool:
        """Whether anything can be taken back, whatever WizCommerce shows."""
        if self.method == "POST":
            return self.after is not None
        return bool(self.before) and (self.method == "PUT" or any(_flat(self.before).values()))

    def left(self, record: Values | None, *, deleted: bool) -> list[str] | None:
        """The written fields that are left where the rest is as it was before; None where the write is in place.

        ``record``: the ``data`` of an answer, None if it is gone. ``deleted``: the child was deleted by undo, which may
        have made it inactive only.
        """
        if self.method == "POST":
            return [] if record is None or (deleted and record.get("status") == "inactive") else None
        if record is None or self.before is None:
            return None
        left, before = self.not_as_before(record), _flat(self.before)
        back = not left or (self.restorable and len(left) < len(before) and not any(before[name] for name in left))
        return left if back else None

    def not_as_before(self, record: Values) -> list[str]:
        """The fields that ``record`` does not show as they were before."""
        shown = self._shown(record)
        return [name for name, value in _flat(self.before).items() if shown.get(name) != value]

    def changed(self, record: Values) -> list[str]:
        """The fields that ``record`` does not show as they were written; for a new child also what was added to it."""
        shown, after = self._shown(record), _flat(self.after)
        changed = [name for name, value in after.items() if shown.get(name) != value]
        if self.method == "POST":
            added = {name for name, value in shown.items() if value is not None} - after.keys() - {"is_default"}
            changed += ["status"] * (record.get("status") == "inactive") + sorted(added)
        return changed

    def body(self, record: Values) -> dict[str, Any]:
        """The body of the PUT or PATCH that brings back what was before. Raises :class:`NotReplaceableError`.

        The list of attributes is whole: an API may take it for all there are.
        """
        before = dict(self.before or {})
        if self.kind is not None:
            return replacement(self.kind, record, before)
        attributes = before.pop("attributes", None) or {}
        body = {name: value for name, value in before.items() if value is not None}
        if any(value is not None for value in attributes.values()):
            shown = {str(item.get("name")): item.get("value") for item in records(record.get("attributes"))}
            every = shown | {name: value for name, value in attributes.items() if value is not None}
            body["attributes"] = [{"name": name, "value": value} for name, value in every.items() if value is not None]
        return body

    def _shown(self, record: Values) -> dict[str, Any]:
        return _flat(body_of(record) if self.kind is None else child_of(self.kind, record))


def _flat(values: Values | None) -> dict[str, Any]:
    """Values by the names of their fields, in the form in which they are compared; None where there is none."""
    own = {name: value for name, value in (values or {}).items() if name not in NOT_OWN}
    attributes = (values or {}).get("attributes") or {}
    if isinstance(attributes, list):
        attributes = {item["name"]: item["value"] for item in attributes}
    own |= {f"attributes[{name}]": value for name, value in attributes.items()}
    return {name: _comparable(name, value) for name, value in own.items()}


def _comparable(name: str, value: Any) -> Any:
    if value in (None, "", []) or (name == "is_default" and not value):
        return None
    if name in IDS:
        return sorted(str(item).lower() for item in (value if isinstance(value, list) else [value]))
    return as_text(value)
