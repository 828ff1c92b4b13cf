"""Sheets of .xlsx and .xlsm files, read from their XML (ECMA-376, part 18) in one pass: values and how they look."""

import re
from collections.abc import Callable, Iterator
from itertools import islice, product
from string import ascii_uppercase
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.loader.workbook.plain_rows import PlainCells, PlainRows
from importer.loader.workbook.sheet_cells import CROSSED_OUT, MAX_COLUMNS, MAX_ROWS, Allowance, SheetCells
from importer.loader.workbook.workbook_parts import (
    Attributes,
    BrokenXmlError,
    ByLocalName,
    Container,
    XmlStream,
    explained,
    feed,
    local,
    new_parser,
    whole_number,
    worksheets,
)
from importer.loader.workbook.xlsx_styles import NO_STYLES, TRUE, CellStyles

_PLACE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
Wanted = Callable[[str], bool]


def read_xlsx(container: Container, file: str, wanted: Wanted) -> Iterator[SheetCells]:
    """The worksheets in their order; empty ones for those that are not ``wanted``."""
    with explained(file):
        workbook = container.relations("").of_kind("officeDocument") or "xl/workbook.xml"
        relations = container.relations(workbook)
        book = _Workbook()
        book.read(container.open(workbook))
    allowance = Allowance.for_size(file, container.size)
    shared: _SharedTexts | None = None
    look = None
    for cells, part in worksheets(book.sheets, relations, allowance, wanted):
        if part is not None:
            if shared is None or look is None:
                shared = _shared_texts(container, relations.of_kind("sharedStrings"), file)
                look = CellStyles(container, relations.of_kind("styles"), since_1904=book.since_1904)
            sheet = _Sheet(cells, shared, look, recalculated=book.recalculated)
            with explained(file, f"the sheet {cells.name!r}"):
                sheet.read(container.open(part))
        yield cells


class _Workbook(XmlStream):
    """The list of sheets: name, whether it is hidden, and the ID of its part."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, bool, str]] = []
        self.since_1904 = self.recalculated = False
        self.starts = {"sheet": self._sheet, "workbookPr": self._properties, "calcPr": self._calculation}

    def _sheet(self, attributes: Attributes) -> None:
        hidden = attributes.get("state", "visible").casefold() in {"hidden", "veryhidden"}
        self.sheets.append((attributes.get("name", ""), hidden, local(attributes, "id") or ""))

    def _properties(self, attributes: Attributes) -> None:
        self.since_1904 = attributes.get("date1904", "") in TRUE

    def _calculation(self, attributes: Attributes) -> None:
        self.recalculated = attributes.get("fullCalcOnLoad", "") in TRUE


class _Texts(XmlStream):
    """The texts that cells share, without phonetic signs; the numbers of those with a part that is crossed out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.crossed_out: set[int] = set()
        self.current: list[str] = []
        self.phonetic = False
        self.starts = {"si": lambda _: self.current.clear(), "t": lambda _: self.clear()}
        self.starts |= {"rPh": lambda _: self._in_phonetic(on=True), "strike": self._strike}
        self.ends = {"t": self._text, "rPh": lambda: self._in_phonetic(on=False), "si": self._end}

    def _in_phonetic(self, *, on: bool) -> None:
        self.phonetic = on

    def _text(self) -> None:
        if not self.phonetic:
            self.current.append(self.text())

    def _strike(self, attributes: Attributes) -> None:
        if attributes.get("val", "1") in TRUE:
            self.crossed_out.add(len(self.texts))

    def _end(self) -> None:
        self.texts.append(plain_text("".join(self.current)))


class _SharedTexts(NamedTuple):
    """The texts that cells share, and the numbers of those with a part that is crossed out."""

    texts: pa.StringArray
    crossed_out: set[int]


def _shared_texts(container: Container, part: str | None, file: str) -> _SharedTexts:
    reader = _Texts()
    if part is not None and part in container:
        with explained(file, "the workbook's shared strings"):
            reader.read(container.open(part))
    return _SharedTexts(pa.array(reader.texts, pa.string()), reader.crossed_out)


def plain_text(text: str) -> str:
    """A text without the escapes that XML needs for some characters."""
    if "_x" not in text:
        return text
    text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # halves of characters


class _Sheet:
    """A sheet that is being read. ``row``, ``column``: of the current cell.

    Of plain numbers and shared texts, which are most cells, only the start tags are looked at: what stands between two
    of them is the value. In other cells (``exact``) the ends of tags count, too.
    """

    def __init__(self, cells: SheetCells, shared: _SharedTexts, look: CellStyles, *, recalculated: bool) -> None:
        self.cells, self.look, self.recalculated = cells, look, recalculated
        self.texts, self.crossed_out = shared
        self.lengths = pc.binary_length(self.texts)
        self.parser = new_parser()
        self.row = self.column = -1
        self.cell: Attributes | None = None
        self.parts: list[str] = []
        self.value = ""  # of an exact cell
        self.has_formula = self.has_value = self.exact = self.phonetic = False
        self.number = "0"  # of the row, as cells write it
        self.handlers: ByLocalName[Callable[[Attributes], None]] = ByLocalName(
            {"row": self._start_row, "col": self._start_column, "mergeCell": self._merged}
        )
        self.handlers |= {"t": lambda _: self.parts.clear(), "rPh": self._start_phonetic, "f": self._formula}
        self.kinds = ByLocalName({"c": "c", "v": "v"})

    def read(self, stream: IO[bytes]) -> None:
        """Raises :class:`BrokenXmlError`, ``ValueError``, and what the stream raises."""
        self.parser.StartElementHandler = self._start
        self.parser.CharacterDataHandler = self.parts.append
        feed(self.parser, PlainRows(stream, self._add_plain))
        self._end_cell()

    def _add_plain(self, plain: PlainCells) -> bool:
        """Add cells that the parser does not see; False if one is not as it should be, and must be parsed."""
        self._end_cell()
        values = pa.array(plain.values)
        is_text = pc.fill_null(pc.equal(pa.array(plain.kinds, pa.string()), "s"), fill_value=False)
        rows = pc.subtract(pa.array(plain.rows).cast(pa.int64()), 1).to_numpy()
        columns = [_COLUMNS.get(name, MAX_COLUMNS) for name in plain.columns]
        try:
            shared = pc.if_else(is_text, values, None).cast(pa.int64())
            self.cells.allowance.take(len(rows), pc.sum(self.lengths.take(shared).cast(pa.int64())).as_py() or 0)
            texts = self.texts.take(shared)
        except (pa.ArrowInvalid, pa.ArrowIndexError):
            return False
        if rows.min() < 0 or rows.max() >= MAX_ROWS or max(columns) >= MAX_COLUMNS:
            return False
        numbers = []
        for place in np.flatnonzero(~is_text.to_numpy(zero_copy_only=False)).tolist():
            self.row, self.column = int(rows[place]), columns[place]
            numbers.append(self._end_number(plain.values[place] or "", plain.styles[place] or "0"))
        texts = pc.replace_with_mask(texts, pc.invert(is_text), pa.array(numbers, pa.string()))
        self.cells.put_all(rows, np.array(columns), texts)
        for mark, at in self._marked(plain):
            self.cells.mark(mark, [int(rows[at])])
        if self.crossed_out:
            crossed = pc.is_in(shared, value_set=pa.array(self.crossed_out, pa.int64()))
            self.cells.mark(CROSSED_OUT, rows[crossed.to_numpy(zero_copy_only=False)].tolist())
        self.row = int(rows[-1])
        return True

    def _marked(self, plain: PlainCells) -> Iterator[tuple[str, int]]:
        marks = self.look.marks
        for at, style in enumerate(plain.styles if marks else ()):
            if style in marks and plain.values[at] is not None:
                yield marks[style], at

    def _start(self, name: str, attributes: Attributes) -> None:
        kind = self.kinds[name]
        if kind == "v":
            self.has_value = True
            if self.has_formula or self.exact:
                self.parts.clear()
        elif kind == "c":
            if self.cell is not None:
                self._end_cell()
            self.cell = attributes
            self.parts.clear()
            exact = attributes.get("t", "n") not in {"n", "s"}
            if exact is not self.exact:
                self.exact = exact
                self.parser.EndElementHandler = self._end if exact else None
            given = attributes.get("r")
            if given is None:
                self.column += 1
            elif given.endswith(self.number) and (column := _COLUMNS.get(given[: -len(self.number)])) is not None:
                self.column = column
            else:
                self.row, self.column = _place(given)
                self.number = str(self.row + 1)
        elif handler := self.handlers[name]:
            handler(attributes)
        elif self.cell is not None and not self.exact:  # not part of a cell: the text that follows is not its value
            self._end_cell()

    def _end(self, name: str) -> None:
        local_name = name.rpartition(":")[2]
        if local_name == "v" or (local_name == "t" and not self.phonetic):
            self.value += "".join(self.parts)
        elif local_name == "rPh":
            self.phonetic = False

    def _start_phonetic(self, _: Attributes) -> None:
        self.phonetic = self.exact

    def _formula(self, _: Attributes) -> None:
        self.has_formula, self.has_value = True, False

    def _start_row(self, attributes: Attributes) -> None:
        self._end_cell()
        self.row = whole_number(attributes, "r", self.row + 2) - 1
        self.number = str(self.row + 1)
        self.column = -1
        if attributes.get("hidden") in TRUE or attributes.get("ht") == "0":
            self.cells.hidden_rows.append(range(self.row, self.row + 1))

    def _start_column(self, attributes: Attributes) -> None:
        if attributes.get("hidden") in TRUE or attributes.get("width") == "0":
            first = whole_number(attributes, "min", 1)
            self.cells.hidden_columns.append(range(first - 1, whole_number(attributes, "max", first)))

    def _merged(self, attributes: Attributes) -> None:
        first, _, last = attributes.get("ref", "").partition(":")
        if last:
            self.cells.merged.append((*_place(first), *_place(last)))

    def _end_cell(self) -> None:
        cell = self.cell
        if cell is None:
            return
        self.cell = None
        kind = cell.get("t", "n")
        if kind == "s":
            text = self._shared("".join(self.parts))
        elif kind == "n":
            value = "" if self.has_formula and not self.has_value else "".join(self.parts).strip()
            text = self._end_number(value, cell.get("s", "0"))
        else:
            text = self._end_exact(kind)
        self.has_formula = False
        if text:
            self.cells.put(self.row, self.column, text)
            if (mark := self.look.marks.get(cell.get("s", ""))) is not None:
                self.cells.mark(mark, [self.row])

    def _end_exact(self, kind: str) -> str:
        value, self.value = self.value, ""
        if kind == "b":
            return "TRUE" if value.strip() in TRUE else "FALSE" if value else ""
        if kind == "d":
            return value.strip().partition(".")[0].removesuffix("Z").removesuffix("T00:00:00").replace("T", " ")
        return plain_text(value)

    def _end_number(self, value: str, style: str) -> str:
        if self.has_formula and (not value or (self.recalculated and value == "0")):
            self.cells.uncalculated.append((self.row, self.column))
            return ""
        if not value:
            return ""
        code = self.look.formats.get(style)
        if code is None and style != "0" and NO_STYLES not in self.cells.notes:
            self.cells.notes.append(NO_STYLES)
        text, is_rounded = self.look.number(value, code or "")
        if is_rounded:
            self.cells.rounded.append((self.row, self.column))
        return text

    def _shared(self, value: str) -> str:
        try:
            number = int(value) if value.strip() else None
            if number in self.crossed_out:
                self.cells.mark(CROSSED_OUT, [self.row])
            return "" if number is None else self.texts[number if number >= 0 else len(self.texts)].as_py()
        except (IndexError, ValueError):
            place = f"row {self.row + 1}, column {self.column + 1}"
            raise BrokenXmlError(f"{place} refers to missing text") from None


def _place(given: str) -> tuple[int, int]:
    """(row, column), from 0, of a place such as ``B7``."""
    match = _PLACE.fullmatch(given.strip())
    if match is None:
        raise BrokenXmlError(f"{given[:40]!r} is not a cell reference")
    return int(match[2]) - 1, _COLUMNS.get(match[1].upper(), MAX_COLUMNS)


def _column_names() -> Iterator[str]:
    """A to Z, AA to ZZ, AAA to ZZZ."""
    for length in (1, 2, 3):
        yield from map("".join, product(ascii_uppercase, repeat=length))


_COLUMNS = {name: place for place, name in enumerate(islice(_column_names(), MAX_COLUMNS))}
