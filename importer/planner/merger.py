"""How a customer that is there is brought to what the source says. Pure.

What the source does not say is left as it is: fields and attributes that it has no value for, and children that it
does not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from importer.planner import readback
from importer.planner.accepted import claimed_record, merged_children, merged_record
from importer.planner.compare import KINDS, VANISHED, Body, Path, body_of
from importer.planner.field_changes import Change, differences, in_effect, matches_of
from importer.planner.matching import Candidate, Matches, match, present
from importer.planner.updates import ChildChange, CustomerUpdate, child_changes, own_changes
from importer.tables import ChildKind

__all__ = ["Clears", "Merger"]

Clears = frozenset[Path]
StatedDefaults = Mapping[str, frozenset[tuple[str, str]]]
_ENTITIES = {"addresses": "address", "contacts": "contact"}


@dataclass(frozen=True, slots=True)
class Merger:
    """``clears``: the paths of fields and attributes of a customer that a blank in the source empties.

    ``spared``: reference id -> those that do not for this customer, because there was a value that could not be used.
    ``stated_defaults``: reference id -> kind and reference id of the children whose ``is_default`` the source states;
    that of any other child that is there is never changed.
    """

    clears: Clears = frozenset()
    spared: Mapping[str, Clears] = field(default_factory=dict)
    stated_defaults: StatedDefaults = field(default_factory=dict)

    def changes(self, old: Body, new: Body) -> list[Change]:
        """What is to be changed in a customer that has ``old``."""
        return in_effect(differences(old, new, self._stated(new)), self._clears(new))

    def same(self, accepted: Body, new: Body) -> bool:
        """Whether there is nothing to send, and nothing to report, where ``accepted`` was taken last."""
        found = [matches_of(kind, accepted, new) for kind in KINDS]
        unsure = any(own.unclear or any(map(_returned, own.pairs.values())) for own in found)
        return not unsure and not self.changes(accepted, new)

    def update(self, new: Body, customer: Body, accepted: Body | None, children: str | bytes | None) -> CustomerUpdate:
        """What makes ``customer`` (the ``data`` of an answer) say what ``new`` says.

        With ``accepted``, the body that was taken last, only what changed since is sent; without, whatever differs.
        What is there already is left out. ``children``: the ledger's JSON of the ids that WizCommerce gave.
        """
        current, stated, found = body_of(customer), self._stated(new), {}
        for kind in KINDS:
            ids = _ids(kind, children)
            found[kind] = match(kind, list(new.get(kind) or ()), present(kind, customer, accepted, ids), ids)
        fields, before, after = own_changes(new, customer, accepted, self._clears(new))
        planned = [item for kind in KINDS for item in child_changes(kind, new, found[kind], current, stated)]
        changes = tuple(item for item in planned if isinstance(item, ChildChange))
        reports = tuple(item for item in planned if isinstance(item, str))
        then = self._merged(accepted or {}, new, found, current)
        return CustomerUpdate(fields, before, after, changes, reports, then)

    def merged(self, accepted: Body, new: Body) -> dict[str, Any]:
        """What counts as accepted after an update to ``new``; what the source no longer says is kept.

        :attr:`CustomerUpdate.accepted` is more exact: it knows what WizCommerce had.
        """
        return self._merged(accepted, new, {kind: matches_of(kind, accepted, new) for kind in KINDS}, accepted)

    def claimed(self, current: Body, new: Body) -> dict[str, Any]:
        """What of ``current`` the source has a say in: what counts as accepted where nobody knows what was.

        Left out are fields, attributes and children that only WizCommerce has.
        """
        body = claimed_record(current, new, self._clears(new))
        for kind in KINDS:
            children = list(new.get(kind) or ())
            pairs = matches_of(kind, current, new).pairs
            if pairs:
                body[kind] = [claimed_record(pairs[at].accepted or {}, children[at]) for at in sorted(pairs)]
        return body

    def settled(self, customer: Body, accepted: Body, new: Body) -> dict[str, Any]:
        """What counts as accepted of a customer that an update may have changed since ``accepted``.

        That update need not have been to ``new``: the night before had content of its own. Of what ``customer`` (the
        ``data`` of an answer) has, that counts of which either body speaks.
        """
        body = self.claimed(body_of(customer), self.merged(accepted, new))
        for kind in KINDS:  # what somebody removed there is not to be added again
            removed = [dict(one.accepted or {}) for one in present(kind, customer, accepted, {}) if not one.current]
            if removed:
                body[kind] = [*body.get(kind, ()), *removed]
        return body

    def kept(self, accepted: Body, new: Body) -> list[str]:
        """The children that the source had before and has no more, as a person reads them: ``addresses[A1]``."""
        return [f"{kind}[{one.name}]" for kind in KINDS for one in matches_of(kind, accepted, new).rest]

    def unexpected(self, update: CustomerUpdate, before: Body, after: Body) -> list[str]:
        """See :func:`importer.planner.readback.unexpected`."""
        return readback.unexpected(update, before, after)

    def _clears(self, new: Body) -> Clears:
        return self.clears - self.spared.get(str(new["reference_id"]), frozenset())

    def _stated(self, new: Body) -> frozenset[tuple[str, str]]:
        return self.stated_defaults.get(str(new["reference_id"]), frozenset())

    def _merged(self, accepted: Body, new: Body, found: Mapping[ChildKind, Matches], there: Body) -> dict[str, Any]:
        body = merged_record(accepted, new, self._clears(new))
        for kind in KINDS:
            children, siblings = list(new.get(kind) or ()), list(there.get(kind) or ())
            if made := merged_children(kind, children, found[kind], siblings, self._stated(new)):
                body[kind] = made
        return body


def _returned(one: Candidate) -> bool:
    """Whether the source had it once, and had it no more when it was compared last."""
    return VANISHED in (one.accepted or {})


def _ids(kind: ChildKind, children: str | bytes | None) -> dict[str, str]:
    """Reference id -> WizCommerce's id, from the ledger's JSON."""
    return {
        str(item["reference_id"]): str(item["id"])
        for item in orjson.loads(children or b"[]")
        if item.get("entity") == _ENTITIES[kind] and item.get("reference_id") and item.get("id")
    }
