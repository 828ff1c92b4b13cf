"""The file of corrections: a CSV file that people can read and edit in a spreadsheet.

Each line is one correction. ``table`` is the mapping's name for the table. ``fingerprint`` distinguishes the row from
others, and shows whether a spreadsheet changed the line. Its parts, separated by dots, are: a check of what may not be
edited, a check of the new text, the row's own hash, two digits (how many cells distinguished the row from the most
similar one, and how many rows already had the new text), and the hashes of the row's other cells.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from importer.cell_text import header_key, unmark_formulas
from importer.corrections.format_changes import loosely
from importer.corrections.row_identity import Identity, Sibling
from importer.errors import UsageError
from importer.report.report_files import csv_bytes, locked_folder, whole_file
from importer.tables import TEXT
from importer.wording import first_few

COLUMNS = ("table", "reference_id", "key", "column", "old", "new", "rows", "recorded", "run", "fingerprint")
LEAVE_OUT = "leave out"  # the new text of a correction without a column: the whole row is left out
HINT = "Corrections files are written by `importer correct`. Restore it from a backup, or record the corrections again."
_BOM = b"\xef\xbb\xbf"  # without it, Excel reads the file in its own encoding
_MOST_NAMED = 20  # wrong lines in a message
_FINGERPRINT = re.compile(r"([0-9a-f]{8})\.([0-9a-f]{8})\.([0-9a-f]{8})\.([0-9])([0-9])(?:\.((?:[0-9a-f]{6})+))?")


@dataclass(frozen=True)
class Correction:
    """One correction. ``column`` is the header as the source has it; ``recorded`` is in UTC; ``line`` is in its file.

    ``peers``: how many rows already had the new text in this cell and were otherwise the same (at most 9).
    """

    identity: Identity
    column: str
    new: str
    reference_id: str
    recorded: str
    run: str
    peers: int = 0
    line: int = 0

    @property
    def leaves_out(self) -> bool:
        return not self.column

    @property
    def sibling(self) -> Sibling:
        """What other corrections of the same row need to know about this correction."""
        return Sibling(self.identity.column, self.identity.old, self.new)

    def describe(self) -> str:
        key = f" of {self.identity.key!r}" if self.identity.key else ""
        if self.leaves_out:
            return f"a row{key} is left out"
        return f"{self.column}{key}: {self.identity.old!r} → {self.new!r}"

    def cells(self) -> tuple[str, ...]:
        own = self.identity
        parts = [_check(own), _new_check(self.new), own.whole, f"{own.near}{self.peers}"]
        fingerprint = ".".join([*parts, *(["".join(sorted(own.cells))] if own.cells else [])])
        named = (own.table, self.reference_id, own.key, self.column, own.old, self.new)
        return (*named, str(own.rows), self.recorded, self.run, fingerprint)


def _row(own: Identity) -> tuple[str, ...]:
    return own.table, own.key, own.whole


def _check(own: Identity) -> str:
    """A check of everything that the row is found by."""
    parts = [own.table, own.key, own.column, own.old, str(own.rows), own.whole, str(own.near), *sorted(own.cells)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def _new_check(new: str) -> str:
    """Two checks of the new text: of all of it, and of what a spreadsheet does not change by itself."""
    return "".join(hashlib.sha256(text.encode()).hexdigest()[:4] for text in (new, f"loosely {loosely(new)}"))


@dataclass(frozen=True)
class CorrectionFile:
    """The corrections of a file. ``sha256``: of its content, ``""`` if it does not exist yet."""

    path: Path
    corrections: tuple[Correction, ...] = ()
    sha256: str = ""

    def siblings(self, correction: Correction) -> list[Sibling]:
        """The other corrections of the same row."""
        own = correction.identity
        return [
            one.sibling for one in self._by_row.get(_row(own), ()) if one.column and one.identity.column != own.column
        ]

    @cached_property
    def _by_row(self) -> dict[tuple[str, ...], list[Correction]]:
        found: dict[tuple[str, ...], list[Correction]] = {}
        for one in self.corrections:
            found.setdefault(_row(one.identity), []).append(one)
        return found

    def write(self) -> None:
        """Write the file, completely or not at all; only its owner can read it. Raises :class:`OutputError`."""
        lines = [one.cells() for one in self.corrections]
        frame = pd.DataFrame(lines, columns=list(COLUMNS), dtype=TEXT)
        with whole_file(self.path, "--to") as file:
            file.write(_BOM + csv_bytes(frame, comes_back=True))


@contextmanager
def changing(path: Path, *, may_be_absent: bool = False) -> Iterator[CorrectionFile]:
    """The corrections in a file, which is locked against other importer processes while the block lasts.

    Raises what :func:`read_corrections` raises, and :class:`OutputError`.
    """
    with locked_folder(path.parent, "--to"):
        yield read_corrections(path, may_be_absent=may_be_absent)


def read_corrections(path: Path, *, may_be_absent: bool = False) -> CorrectionFile:
    """The corrections in a file. Raises :class:`UsageError` that names the file and each wrong line."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if may_be_absent:
            return CorrectionFile(path)
        raise UsageError(f"{path}: this corrections file does not exist", HINT) from None
    except OSError as error:
        raise UsageError(f"{path}: the corrections cannot be read: {error.strerror}", HINT) from error
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{line}: not UTF-8", 'In Excel, save it as "CSV UTF-8".') from None
    faults: list[str] = []
    found = list(_corrections(path, text, faults))
    found = list(_consistent(path, found, faults))
    if faults:
        raise UsageError(first_few(faults, _MOST_NAMED, "\n"), HINT)
    return CorrectionFile(path, tuple(found), hashlib.sha256(content).hexdigest())


def _corrections(path: Path, text: str, faults: list[str]) -> Iterator[Correction]:
    """The corrections of the lines; what is wrong with a line is added to ``faults``."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)  # the delimiter that Excel saves depends on the country
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    places: dict[str, int] | None = None
    line = 1
    try:
        for cells in reader:
            if places is None:
                names = [header_key(cell) for cell in cells]
                places = {name: names.index(name) for name in COLUMNS if name in names}
                missing = [name for name in COLUMNS if name not in places]
                if missing:
                    faults.append(f"{path}:1: not a corrections file: it has no column {', '.join(missing)}")
                    return
            elif any(cell.strip() for cell in cells):
                yield from _read(path, line, places, cells, faults)
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(f"{path}:{line}: not a line of a CSV file: {error}")
    if places is None:
        faults.append(f"{path}:1: not a corrections file: it is empty")


def _read(path: Path, line: int, places: dict[str, int], cells: list[str], faults: list[str]) -> Iterator[Correction]:
    if len(cells) <= max(places.values()):
        faults.append(f"{path}:{line}: the line has {len(cells)} cells, fewer than the header")
        return
    texts = unmark_formulas(pa.array([cells[place] for place in places.values()], pa.string())).to_pylist()
    given = dict(zip(places, texts, strict=True))
    match = _FINGERPRINT.fullmatch(given["fingerprint"].strip())
    if match is None or not re.fullmatch(r"[1-9]\d{0,6}", given["rows"].strip()):
        faults.append(f"{path}:{line}: the fingerprint or the number of rows is damaged")
        return
    check, new_check, whole, near, peers, hashes = match.groups()
    others = frozenset(hashes[at : at + 6] for at in range(0, len(hashes), 6)) if hashes else frozenset()
    column, old, new = (given[name] for name in ("column", "old", "new"))
    own = Identity(given["table"], given["key"], header_key(column), old, others, whole, int(near), int(given["rows"]))
    if _check(own) != check:
        faults.append(
            f"{path}:{line}: table, key, column, old, or rows was changed after it was recorded "
            "(a spreadsheet may have changed 0017 to 17, or a date)"
        )
    elif not column and new != LEAVE_OUT:
        faults.append(f"{path}:{line}: the column is missing")
    elif new_check != _new_check(new) and new_check[4:] == _new_check(new)[4:]:
        faults.append(
            f"{path}:{line}: the new value {new!r} was changed after it was recorded, in format only: "
            "a spreadsheet may have dropped zeros"
        )
    elif column and new == old:
        faults.append(f"{path}:{line}: the new value equals the old one")
    else:
        yield Correction(own, column, new, given["reference_id"], given["recorded"], given["run"], int(peers), line)


def _consistent(path: Path, found: list[Correction], faults: list[str]) -> Iterator[Correction]:
    """Yield each correction once; different corrections of the same cell are added to ``faults``."""
    known: dict[Identity, Correction] = {}
    for one in found:
        earlier = known.setdefault(one.identity, one)
        if earlier is one:
            yield one
        elif earlier.new != one.new:
            faults.append(f"{path}:{one.line}: {one.describe()} contradicts line {earlier.line}: {earlier.describe()}")


def without(file: CorrectionFile, reference_ids: Iterable[str]) -> CorrectionFile:
    """The file without the corrections of these customers."""
    gone = set(reference_ids)
    return replace(file, corrections=tuple(one for one in file.corrections if one.reference_id not in gone))
