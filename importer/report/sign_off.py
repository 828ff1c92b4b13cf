"""``sign-off.xlsx``: a workbook with what will be sent for each customer. Someone signs it, and its plan is then run.

Each row is written as soon as its body is read, so that memory suffices for a list of any length. Every cell is text:
no formula can run.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import orjson
import pandas as pd

from importer.catalogue.field_names import field_name
from importer.errors import OutputError, UsageError
from importer.report.plain_words import in_reading_order, records_of
from importer.report.report_files import whole_file
from importer.report.workbook_file import LONGEST_CELL, new_workbook
from importer.tables import ENTITIES, PLURALS, Entity
from importer.wording import counted

SHEET = "Summary"
PLAN, FINGERPRINT, SIGNED_BY, SIGNED_ON = "Plan", "Fingerprint", "Signed by", "Signed on"
MOST_ROWS = 1_048_576  # Excel's limit for a sheet
_SHEETS: Mapping[Entity, str] = {entity: PLURALS[entity].capitalize() for entity in ENTITIES}
_WIDTHS = (28, 100)
_COLUMN = 22  # characters
_BETWEEN = "\ue000"  # between the cells of a row; does not occur in texts
_SAME = re.compile(r"_x[0-9A-Fa-f]{4}_|[\s\x00-\x1f\x7f]+")  # what different programs save differently
_AGAIN = "Plan again, and have the new sign-off.xlsx signed. Nothing was sent."


@dataclass(frozen=True)
class SignOff:
    """The content of the workbook. Its first sheet has ``explained`` (what to know and do) and ``facts``.

    ``fields``: those that records can have, in order. ``payloads``: the bodies, one per line. ``actions``: what happens
    to the customer of each body. ``more``: additional sheets, each with its titles and rows. ``names``: ID → name of a
    sales rep or price list. ``fill_in``: whether the workbook belongs to a plan, which can be signed.
    """

    explained: Sequence[str]
    facts: Sequence[tuple[str, str]]
    fields: Mapping[Entity, Sequence[str]]
    payloads: Path
    actions: Iterable[str]
    more: Mapping[str, tuple[Sequence[str], Iterable[Sequence[str]]]]
    names: Mapping[str, str]
    fill_in: bool


def sent_fields(frames: Mapping[Entity, pd.DataFrame]) -> dict[Entity, list[str]]:
    """The fields that the bodies made from these frames can have, in the order in which people read them."""
    found: dict[Entity, list[str]] = {}
    for entity in ENTITIES:
        names = [str(name) for name in frames[entity].columns if not str(name).startswith("_")]
        always = ["display_name"] if entity == "customer" else []  # bodies have it even if no column gives it
        found[entity] = in_reading_order(entity, list(dict.fromkeys([*names, *always])))
    return found


def write_sign_off(path: Path, sign_off: SignOff) -> dict[str, str]:
    """Write the workbook, readable only by its owner. Returns a digest of each sheet except the first.

    Later, :meth:`SignedOff.check_rows` compares the digests. Raises :class:`OutputError`.
    """
    with whole_file(path) as file, tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as scratch:
        plain = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
        book = new_workbook(file, "Sign-off", constant_memory=True, tmpdir=scratch, **plain)
        summary = book.add_worksheet(SHEET)
        sheets = {_SHEETS[entity]: _Rows(book, _SHEETS[entity], _titles(entity, sign_off)) for entity in ENTITIES}
        _write_bodies(sheets, sign_off)
        for title, (titles, rows) in sign_off.more.items():
            sheets[title] = _Rows(book, title, titles)
            for row in rows:
                sheets[title].write(row)
        cut = sum(one.cut for one in sheets.values())
        _write_summary(book, summary, sign_off, {name: one.count for name, one in sheets.items()}, cut)
        book.close()
    return {name: digest_text(one.sums) for name, one in sheets.items()}


def _titles(entity: Entity, sign_off: SignOff) -> list[str]:
    names = [field_name(entity, name) for name in sign_off.fields[entity]]
    if entity == "customer":
        return [names[0], "What happens" if sign_off.fill_in else "Status", *names[1:]]
    return ["Customer ID", "Company name", *names]


def _write_bodies(sheets: Mapping[str, "_Rows"], sign_off: SignOff) -> None:
    with sign_off.payloads.open("rb") as file:
        for line, action in zip(file, sign_off.actions, strict=True):
            owner = ["", ""]
            for entity, record in records_of(orjson.loads(line), sign_off.names):
                cells = [record.pop(name, "") for name in sign_off.fields[entity]]
                if record:
                    raise OutputError(f"{sign_off.payloads} has fields that the run did not write", "Run it again.")
                if entity == "customer":
                    owner = [cells[0], cells[sign_off.fields[entity].index("company_name")]]
                    cells = [cells[0], action, *cells[1:]]
                else:
                    cells = [*owner, *cells]
                sheets[_SHEETS[entity]].write(cells)


@dataclass
class _Rows:
    """Rows of text below titles. Rows that do not fit into a sheet are continued in an additional one."""

    book: Any
    name: str
    titles: Sequence[str]
    at: int = 0
    number: int = 0
    count: int = 0
    cut: int = 0
    sums: int = 0

    def __post_init__(self) -> None:
        self.head = self.book.add_format({"bold": True, "bg_color": "#DDE3EA", "bottom": 1, "num_format": "@"})
        self.cell = self.book.add_format({"num_format": "@", "valign": "top"})
        self._begin()

    def _begin(self) -> None:
        self.number += 1
        self.sheet = self.book.add_worksheet(self.name if self.number == 1 else f"{self.name} {self.number}")
        self.sheet.set_column(0, max(len(self.titles) - 1, 0), _COLUMN, self.cell)
        self.sheet.freeze_panes(1, 1)
        for place, title in enumerate(self.titles):
            self.sheet.write_string(0, place, title[:LONGEST_CELL], self.head)
        self.at = 1

    def write(self, cells: Sequence[str]) -> None:
        if self.at == MOST_ROWS:
            self._begin()
        kept = []
        for place, text in enumerate(cells):
            shown = _cut_to_cell(text)
            self.cut += shown != text
            kept.append(shown)
            if shown:
                self.sheet.write_string(self.at, place, shown, self.cell)
        self.sums += row_digest(kept)
        self.at += 1
        self.count += 1


def _cut_to_cell(text: str) -> str:
    """The text, cut to what a cell can hold: Excel counts UTF-16 units."""
    if len(text) * 2 <= LONGEST_CELL or len(text.encode("utf-16-le")) // 2 <= LONGEST_CELL:
        return text
    return text.encode("utf-16-le")[: 2 * (LONGEST_CELL - 1)].decode("utf-16-le", errors="ignore") + "…"


def row_digest(cells: Sequence[str]) -> int:
    """A number that is unique for the content of a row. A sum of these does not depend on how a sheet is sorted."""
    text = _SAME.sub(" ", _BETWEEN.join(cells)).rstrip(f" {_BETWEEN}")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()) if text else 0


def digest_text(sums: int) -> str:
    return f"{sums % (1 << 256):064x}"


def _write_summary(book: Any, sheet: Any, sign_off: SignOff, counts: Mapping[str, int], cut: int) -> None:
    text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    bold = book.add_format({"bold": True, "valign": "top", "num_format": "@"})
    title = book.add_format({"bold": True, "font_size": 16})
    blank = book.add_format({"num_format": "@", "bg_color": "#FFF9E5", "border": 1})
    for place, width in enumerate(_WIDTHS):
        sheet.set_column(place, place, width)
    sheet.hide_gridlines(2)
    sheet.write_string(0, 0, "Customers for WizCommerce: sign-off", title)
    for row, line in enumerate(sign_off.explained, start=2):
        sheet.write_string(row, 0, line)
    facts = [*sign_off.facts, *((f"Rows in sheet {name}", f"{count:,}") for name, count in counts.items())]
    if cut:
        values = counted(cut, "value is", "values are")
        facts.append(("Shortened", f"{values} too long for a cell: shortened here, but sent in full."))
    first = len(sign_off.explained) + 3
    for row, (name, value) in enumerate(facts, start=first):
        sheet.write_string(row, 0, name, bold)
        sheet.write_string(row, 1, _cut_to_cell(value), text)
    for row, name in enumerate((SIGNED_BY, SIGNED_ON) if sign_off.fill_in else (), start=first + len(facts) + 1):
        sheet.write_string(row, 0, name, bold)
        sheet.write_blank(row, 1, None, blank)


@dataclass(frozen=True)
class SignedOff:
    """A sign-off that was returned: the ID of its plan, and the fingerprint of what the plan sends."""

    plan: str
    fingerprint: str
    path: Path

    def check_rows(self, digests: Mapping[str, str]) -> None:
        """Raise :class:`UsageError` if a sheet was changed. ``digests``: what :func:`write_sign_off` returned."""
        for name, digest in digests.items():
            if digest_text(sum(map(row_digest, _sheet_rows(self.path, name)))) != digest:
                raise UsageError(
                    f"{self.path}: the sheet {name} was changed after the plan was made, but such changes are not sent",
                    "Correct the source or rejected.xlsx instead, plan again, and have the new sign-off.xlsx signed.",
                )


def read_sign_off(path: Path) -> SignedOff:
    """Read which plan was signed. Raises :class:`UsageError` if the file is not the sign-off of a plan."""
    known = dict(row[:2] for row in _sheet_rows(path, SHEET, header=0) if len(row) > 1)
    if FINGERPRINT not in known and PLAN not in known:
        raise UsageError(f"{path} is not a sign-off of a plan", "Use the sign-off.xlsx of a plan, or the plan's ID.")
    if not known.get(FINGERPRINT):
        raise UsageError(
            f"{path} is the sign-off of a dry run, but only a plan can be sent",
            "Make a plan: importer plan SOURCE… -m MAPPING --api TARGET. It writes a sign-off.xlsx of its own.",
        )
    return SignedOff(known[PLAN], known[FINGERPRINT], path.absolute())


def _sheet_rows(path: Path, name: str, header: int = 1) -> Iterator[list[str]]:
    """The rows of a sheet, and of the sheets that continue it, as text."""
    import openpyxl  # noqa: PLC0415 - most commands do not need it

    try:
        with closing(openpyxl.load_workbook(path, read_only=True)) as book:
            for sheet in book.worksheets:
                if re.fullmatch(rf"{re.escape(name)}( \d+)?", sheet.title):
                    for row in sheet.iter_rows(min_row=1 + header, values_only=True):
                        yield ["" if cell is None else str(cell) for cell in row]
    except (OSError, BadZipFile, KeyError, ValueError, SyntaxError) as error:
        raise UsageError(f"{path} cannot be read as a workbook: {error}", _AGAIN) from error
