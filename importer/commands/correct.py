"""``correct``: record what someone fixed in a file of rejected rows, so that later runs apply it again."""

import dataclasses
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from importer.corrections.corrections_file import COLUMNS, Correction, changing, read_corrections
from importer.corrections.format_changes import only_format
from importer.corrections.original_rows import Originals, load_originals
from importer.corrections.recording import NewCorrection, Recorded, record
from importer.corrections.returned_rows import CellChange, read_returned, run_of
from importer.errors import UsageError
from importer.wording import counted
from importer.workflow.timings import utc_now

LEAVE, RECORD = "leave", "record"
CHOICES = (LEAVE, RECORD)
_EXAMPLES = 3
_LISTED = 20  # corrections shown on the terminal


@dataclass(frozen=True)
class FormatQuestion:
    """The question whether changes in a column that seem to affect only the format are intended.

    ``examples``: the place, the old text, and the new text of the first few of ``count`` cells. ``proposed``: to leave
    the cells as they were.
    """

    id: str
    column: str
    count: int
    examples: tuple[tuple[str, str, str], ...]
    choices: tuple[str, ...] = CHOICES
    proposed: str = LEAVE

    @property
    def text(self) -> str:
        place, before, after = self.examples[0]
        return (
            f"{counted(self.count, 'cell')} in {self.column} changed only in format, as often happens in spreadsheets: "
            f"{before!r} → {after!r} at {place}. Keep the original, or record the change?"
        )


@dataclass(frozen=True)
class CorrectResult:
    """What was recorded in ``file``. Each correction is a line of the file, as plain values.

    ``recorded``: new corrections. ``unchanged``: corrections that the file already had. ``replaced``: earlier
    corrections that were replaced. ``open``: questions without an answer; their cells are not recorded.
    ``not_recorded``: sentences about what could not be recorded. ``exit_code``: 1 if ``open`` or ``not_recorded`` has
    anything, otherwise 0.
    """

    file: Path
    run: str
    recorded: tuple[dict[str, str], ...]
    unchanged: tuple[dict[str, str], ...]
    replaced: tuple[dict[str, str], ...]
    open: tuple[FormatQuestion, ...]
    not_recorded: tuple[str, ...]
    corrections: int

    @property
    def exit_code(self) -> int:
        return int(bool(self.open or self.not_recorded))

    def after(self, first: "CorrectResult") -> "CorrectResult":
        """This result combined with the ``first`` one, whose questions were answered for this call."""
        unchanged = tuple(one for one in self.unchanged if one not in first.recorded)
        recorded, gone = (*first.recorded, *self.recorded), (*first.replaced, *self.replaced)
        return dataclasses.replace(self, recorded=recorded, unchanged=unchanged, replaced=gone)

    def as_json(self) -> dict[str, Any]:
        found = {"command": "correct", **asdict(self), "file": str(self.file), "exit_code": self.exit_code}
        questions = [{**asdict(one), "text": one.text} for one in self.open]
        return {**found, "open": questions}


def correct(
    files: Sequence[Path],
    to: Path,
    *,
    run: str | None = None,
    out: Path = Path("results"),
    replace: bool = False,
    removed: bool = False,
    answers: Mapping[str, str] | None = None,
    yes: bool = False,
) -> CorrectResult:
    """Compare fixed files with the rows that the run rejected, and record each changed cell in ``to``.

    ``run``: the ID or the folder of the run that wrote the files; by default, the files themselves say it.
    ``removed``: rows that are missing from the files will be left out. ``answers``: question → choice. ``yes``: use the
    suggested answers. Raises :class:`UsageError` if the files are not the run's, or if two corrections contradict each
    other; the message names both.
    """
    originals = load_originals(_run_folder(files, run, out))
    returned = read_returned(files, originals)
    changes, questions = _sorted_out(returned.changes, dict(answers or {}))
    wanted = [NewCorrection(one.table, one.row, one.column, one.after, one.place) for one in changes]
    gone = returned.missing(originals) if removed else ()
    wanted += [NewCorrection(table, row, "", "", f"{table.source}:{int(table.numbers[row])}") for table, row in gone]
    with changing(to, may_be_absent=True) as file:
        recorded = record(file, wanted, run=originals.run, recorded=_now(), replace_earlier=replace)
        return _written(recorded, originals.run, () if yes else questions, returned.unknown)


def record_cells(
    run: str, cells: Sequence[tuple[str, int, str, str]], to: Path, *, out: Path, replace: bool
) -> CorrectResult:
    """Record individual cells of a run: source table as reports name it, row number in it, column, and new text.

    Only rows that the run rejected or has a problem with can be used. Raises :class:`UsageError` for other rows.
    """
    originals = load_originals(_folder(run, out))
    wanted = [_cell(originals, *cell) for cell in cells]
    with changing(to, may_be_absent=True) as file:
        recorded = record(file, wanted, run=originals.run, recorded=_now(), replace_earlier=replace)
        return _written(recorded, originals.run, (), ())


def corrections_in(path: Path) -> list[dict[str, Any]]:
    """The corrections of a file as plain values. Raises :class:`UsageError`."""
    own = ("table", "reference_id", "key", "column", "old", "new", "recorded", "run")
    return [
        {"line": one.line, **{name: cell for name, cell in zip(COLUMNS, one.cells(), strict=True) if name in own}}
        for one in read_corrections(path).corrections
    ]


def remove_correction(path: Path, line: int) -> None:
    """Remove the correction on a line from the file. Raises :class:`UsageError`, including if the line has none."""
    with changing(path) as file:
        kept = tuple(one for one in file.corrections if one.line != line)
        if len(kept) == len(file.corrections):
            raise UsageError(f"{path}: line {line} has no correction", "The file may have changed; read it again.")
        dataclasses.replace(file, corrections=kept).write()


def _cell(originals: Originals, source: str, row: int, column: str, new: str) -> NewCorrection:
    place = f"{source}:{row} [{column}]"
    table = next((one for one in originals.tables if one.source == source), None)
    at = None if table is None else next((n for n, number in enumerate(table.numbers.tolist()) if number == row), None)
    if table is None or at is None:
        raise UsageError(
            f"{place}: run {originals.run} found no problem in this row",
            "Only rows with a problem in that run can be corrected.",
        )
    if not table.can_correct(column) or column in table.secrets:
        why = "is sensitive and never imported" if column in table.secrets else "does not exist"
        raise UsageError(f"{place}: the column {why}", f"The columns are {', '.join(table.cells.columns)}.")
    return NewCorrection(table, at, column, new, place)


def _now() -> str:
    return f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"


def _written(
    recorded: Recorded, run: str, questions: Sequence[FormatQuestion], unknown: Sequence[str]
) -> CorrectResult:
    """Write the file if it has changed, or if it does not exist yet, so that commands can name it."""
    if recorded.added or recorded.replaced or not recorded.file.sha256:
        recorded.file.write()
    return CorrectResult(
        file=recorded.file.path,
        run=run,
        recorded=tuple(map(_plain, recorded.added)),
        unchanged=tuple(map(_plain, recorded.unchanged)),
        replaced=tuple(map(_plain, recorded.replaced)),
        open=tuple(questions),
        not_recorded=(*unknown, *recorded.ambiguous),
        corrections=len(recorded.file.corrections),
    )


def _plain(one: Correction) -> dict[str, str]:
    own = one.identity
    names = ("table", "reference_id", "key", "column", "old", "new")
    return dict(zip(names, (own.table, one.reference_id, own.key, one.column, own.old, one.new), strict=True))


def _sorted_out(
    changes: Sequence[CellChange], answers: dict[str, str]
) -> tuple[list[CellChange], list[FormatQuestion]]:
    """The changes to record, and the unanswered questions. Raises :class:`UsageError` for a wrong answer."""
    asked: dict[str, list[CellChange]] = {}
    sure = []
    for change in changes:
        if only_format(change.before, change.after):
            asked.setdefault(f"format:{change.table.table}.{change.column}", []).append(change)
        else:
            sure.append(change)
    for name, choice in answers.items():
        if name not in asked or choice not in CHOICES:
            known = f"Questions: {', '.join(asked) or 'none'}. Choices: {', '.join(CHOICES)}."
            raise UsageError(f"--answer {name}={choice} does not match any question", known)
    sure += [change for name, own in asked.items() if answers.get(name) == RECORD for change in own]
    questions = []
    for name, own in asked.items():
        if name not in answers:
            examples = tuple((change.where, change.before, change.after) for change in own[:_EXAMPLES])
            questions.append(FormatQuestion(name, own[0].column, len(own), examples))
    return sure, questions


def _run_folder(files: Sequence[Path], run: str | None, out: Path) -> Path:
    """The folder of the run that wrote the files: as specified, as a workbook says, or according to their location."""
    if not files:
        raise UsageError("no file was specified", "Use rejected.xlsx, or files in rejected/.")
    for path in files:
        if not path.is_file():
            raise UsageError(f"{path}: no such file", "Use rejected.xlsx, or files in rejected/.")
    if run is not None:
        return _folder(run, out)
    found = dict.fromkeys(folder for path in files for folder in _candidates(path, out))
    if len(found) == 1:
        return next(iter(found))
    what = "are from different runs" if found else "do not say which run wrote them"
    raise UsageError(f"the files {what}", "Specify the run with --run RUN: its ID or folder.")


def _candidates(path: Path, out: Path) -> Iterator[Path]:
    """The folder of the run that the workbook names, or otherwise the nearest run folder that contains the file."""
    own = path.absolute().parent
    named = run_of(path)
    if named is None:
        yield from [place for place in (own, own.parent) if (place / "work").is_dir()][:1]
        return
    found = next((one for place in (own.parent, out) if (one := place / named).is_dir()), None)
    if found is None:
        message = f"{path} was written by run {named}, whose folder is not in {out}"
        raise UsageError(message, "Specify its folder with --run, or the folder of all runs with --out.")
    yield found.absolute()


def _folder(run: str, out: Path) -> Path:
    found = next((path for path in (out / run, Path(run)) if path.is_dir()), None)
    if found is None or not re.search(r"\w", run):
        raise UsageError(f"there is no run {run}", f"Use the ID of a run in {out}, or the path of its folder.")
    return found


def correct_text(found: CorrectResult) -> str:
    count = len(found.recorded)
    lines = [f"{found.file}: {counted(count, 'correction')} recorded"]
    if found.unchanged:
        lines[0] += f", {len(found.unchanged):,} already recorded"
    if found.replaced:
        lines[0] += f", {len(found.replaced):,} earlier ones replaced"
    lines[0] += f"; the file now has {found.corrections:,}."
    for one in found.recorded[:_LISTED]:
        what = f"{one['column']}: {one['old']!r} → {one['new']!r}" if one["column"] else "the row is left out"
        lines.append(f"  {one['reference_id'] or one['key'] or one['table']}  {what}")
    lines += [f"  and {count - _LISTED:,} more"] if count > _LISTED else []
    if found.not_recorded:
        lines += ["Not recorded:", *(f"  {text}" for text in found.not_recorded)]
    if found.open:
        lines.append("Unanswered questions (these cells were not recorded):")
        for question in found.open:
            answers = [f"--answer {shlex.quote(f'{question.id}={choice}')}" for choice in question.choices]
            lines.append(f"  {question.text} Answer with {' or '.join(answers)}.")
    return "\n".join(lines)
