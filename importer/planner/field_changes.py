"""What changes in a customer, field by field, between a body that was accepted before and a new one.

Bodies are those of :mod:`importer.planner.compare`. The order of ids, attributes and children does not count.
Children are compared with those that they match (:mod:`importer.planner.matching`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from importer.planner.compare import KINDS, Body, Path, child_names, content, path_text
from importer.planner.matching import Matches, candidates_of, match
from importer.tables import ChildKind

__all__ = ["Change", "Stated", "changed", "counts", "differences", "in_effect", "matches_of"]

Stated = Collection[tuple[str, str]]  # kind and reference id of the children whose default the source states


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is another: ``where`` is its path, null in ``before`` or ``after`` that there is no value.

    ``("phone",)``, ``("attributes", "Color")``, ``("addresses", "A1", "city")``,
    ``("contacts", "P1", "attributes", "Mobile")``. A child goes by the name that it had before: its reference id, or
    its id where it has none; ``child`` is its reference id in the new body, if it is there. All fields of a new child
    are changes, and so are all of one that is gone.
    """

    where: Path
    before: Any
    after: Any
    child: str | None = None

    @property
    def path(self) -> str:
        """The place as a person reads it: ``addresses[A1].city``, ``attributes[Color]``."""
        return path_text(self.where)


def differences(old: Body, new: Body, stated: Stated | None = None) -> list[Change]:
    """Everything in which ``new`` differs from ``old``, in the order of ``new`` and then of what is gone.

    A child that matches one of ``old`` keeps its reference id, and its default unless ``stated`` (None: all are). One
    that cannot be told from another is left out.
    """
    changes = changed(old, new)
    for kind in KINDS:
        children = list(new.get(kind) or ())
        found = matches_of(kind, old, new)
        for place, (name, child) in enumerate(zip(child_names(children), children, strict=True)):
            if place in found.unclear:
                continue
            one = found.pairs.get(place)
            before, known = ({}, name) if one is None else (one.accepted or {}, one.name)
            own = changed(before, child, (kind, known), name)
            changes += own if one is None else [change for change in own if counts(change, stated)]
        for one in found.rest:
            changes += changed(one.accepted or {}, {}, (kind, one.name))
    return changes


def matches_of(kind: ChildKind, old: Body, new: Body) -> Matches:
    """Which of ``old``'s children those of ``new`` are."""
    return match(kind, list(new.get(kind) or ()), candidates_of(old.get(kind)), {})


def counts(change: Change, stated: Stated | None) -> bool:
    """Whether a change of a child that is there is to be made."""
    kind, _, *field = change.where
    if field == ["is_default"]:
        return stated is None or (kind, change.child) in stated
    return field != ["reference_id"]


def in_effect(changes: Iterable[Change], clears: Collection[Path] = ()) -> list[Change]:
    """The changes that an update makes: what the new body no longer says is left as it is.

    Apart from fields whose paths are in ``clears``: they become an empty text.
    """
    return [
        replace(change, after="") if change.after is None else change
        for change in changes
        if change.after is not None or change.where in clears
    ]


def changed(old: Body, new: Body, place: Path = (), child: str | None = None) -> list[Change]:
    """The own fields and attributes in which one record differs from another."""
    before, after = content(old), content(new)
    paths = [*after, *(path for path in before if path not in after)]
    return [
        Change((*place, *path), before.get(path), after.get(path), child)
        for path in paths
        if before.get(path) != after.get(path)
    ]
