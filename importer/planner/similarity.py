"""How well two children of one kind fit each other by their fields. Pure.

Texts are compared without regard to case and surplus space; ids and defaults do not count. Two children can be the same
when at least half of the fields that both fill are equal, and when nothing speaks for two places or two people:

- ``SAME``: street and town or post code are equal, or first name and last name or e-mail. This is asked of a child of
  which nothing shows that we sent it, since it may be somebody else's work; and of one that we sent if it is inactive,
  left the source some time ago, or has an id of the source's own as the other has: then another id says that it is
  another child.
- ``CORRECTED``: another street, but no other town or post code, or another town and the same street; another first
  name, but no other last name or e-mail, or the same first name. This is enough for any other child that we sent.
- ``EQUAL``: every value that the source gives is there. Then the children are the same, whatever else is asked.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from importer.planner.comparable import Body, Path, content
from importer.tables import ChildKind

__all__ = ["CORRECTED", "EQUAL", "SAME", "Likeness", "Rank"]

Rank = tuple[int, ...]  # the more the better

EQUAL, SAME, CORRECTED = range(3)  # how much of a difference is allowed
_LEAST = 0.5  # of the fields that both fill
_IGNORED = {("reference_id",), ("is_default",), ("type",)}
_KEY: Mapping[str, Path] = {"addresses": ("address_line_1",), "contacts": ("first_name",)}
_SUPPORT: Mapping[str, frozenset[Path]] = {
    "addresses": frozenset({("city",), ("zip_code",)}),
    "contacts": frozenset({("last_name",), ("email",)}),
}
_GENERATED = re.compile(r"-[0-9a-f]{12}$")  # as importer.mapping makes ids of children that have none


@dataclass(frozen=True, slots=True)
class Likeness:
    """What of a child counts in a comparison. ``telling``: the values of which two that are the same share one."""

    kind: ChildKind
    type: str
    generated: bool
    items: frozenset[tuple[Path, str]]
    fields: frozenset[Path]
    telling: frozenset[tuple[Path, str]]

    @classmethod
    def of(cls, kind: ChildKind, child: Body) -> "Likeness":
        """That of a child of a body."""
        items = frozenset((path, _plain(value)) for path, value in content(child).items() if path not in _IGNORED)
        generated = bool(_GENERATED.search(str(child.get("reference_id") or "")))
        telling = frozenset(item for item in items if item[0] == _KEY[kind] or item[0] in _SUPPORT[kind])
        return cls(kind, str(child.get("type")), generated, items, frozenset(path for path, _ in items), telling)

    def rank(self, there: "Likeness", most: int, *, named: bool) -> Rank | None:
        """How well ``there`` fits this child of the source, which may differ by ``most``; None: it is another child.

        An id that both have (``named``) outweighs any difference, unless all must be equal. The first number is 1 when
        every value of the source is there.
        """
        equal, both = {path for path, _ in self.items & there.items}, self.fields & there.fields
        key, support = _KEY[self.kind], _SUPPORT[self.kind]
        contained = bool(equal) and len(equal) == len(self.items)
        same = key in equal and bool(equal & support)
        loose = key in equal or (bool(equal & support) and not (both - equal) & support)
        corrected = loose and most == CORRECTED and (self.generated or there.generated)
        fits = ((same and most != EQUAL) or corrected) and len(equal) >= _LEAST * len(both)
        if (named and most != EQUAL) or (self.type == there.type and (contained or fits)):
            return contained, same, len(equal), len(equal) - len(both), len(both) - len(there.fields)
        return None


def _plain(value: object) -> str:
    return " ".join(unicodedata.normalize("NFKC", str(value)).split()).casefold()
