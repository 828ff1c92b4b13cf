"""What the cells of ``rejected.xlsx`` can be filled in with: a drop-down list for each column that has such values."""

from collections.abc import Sequence
from dataclasses import dataclass

from importer.catalogue.field_names import ADDRESS_PARTS, full_field_name, part_column
from importer.report.part_columns import PartColumns
from importer.report.report_input import ReportInput

# Any text is right in these: what the file or the mapping has is a proposal.
_FREE = frozenset(f"customer {name}" for name in ("payment_term", "payment_mode", "freight_term", "shipping_method"))
_MOST_NAMED = 8  # of a list, in a note
_LONGEST_NAME = 40  # characters of each


@dataclass(frozen=True)
class CellList:
    """A list that cells offer. ``open``: other texts are as good, so that nothing is asked about them."""

    title: str
    names: Sequence[str]
    open: bool

    @property
    def hint(self) -> str:
        """What is valid, in a sentence."""
        shown = [_short(name) for name in self.names[:_MOST_NAMED]]
        more = len(self.names) - len(shown)
        rest = f" and {more:,} more: see the list of the cell" if more else ""
        return f"{'Used so far' if self.open else 'Valid'}: {', '.join(shown)}{rest}."


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def cell_lists(report: ReportInput) -> dict[str, CellList]:
    """The lists by field: ``address country``."""
    return {
        kind: CellList(full_field_name(*kind.split(" ", 1)), names, kind in _FREE)
        for kind, names in report.choices.items()
        if names
    }


def listed_columns(report: ReportInput, lists: dict[str, CellList], parts: Sequence[PartColumns]) -> dict[str, str]:
    """Column → the field whose list its cells offer. ``parts``: columns that are added for parts of addresses.

    A column that gives several fields with lists of their own offers none.
    """
    found: dict[str, set[str]] = {}
    for entry in report.tables.entries:
        for name, origin in entry.fields.items():
            kind = f"{entry.entity} {name}"
            if kind in report.choices and name not in entry.taken_apart:
                for column in origin.columns:
                    found.setdefault(column, set()).add(kind)
            elif name in entry.taken_apart and name in ADDRESS_PARTS:
                for column in origin.columns:
                    found.setdefault(part_column(column, name), set()).add(f"part {name}")
    for added in parts:
        for name, header in added.headers.items():
            found.setdefault(header, set()).add(f"part {name}")
    return {column: kinds.pop() for column, kinds in found.items() if len(kinds) == 1 and kinds <= lists.keys()}
