"""A run's folder: its files, and the tables that are saved in it.

``<out>/<run ID>/`` holds the reports. Its ``work/`` holds what resuming and reporting need without the sources: the
source rows, the entity tables, and the problems, as Arrow files. Only their owner can read the folders and files.
"""

import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import feather
from pydantic import TypeAdapter

from importer.errors import OutputError
from importer.private_files import UNFINISHED, make_folder, open_private
from importer.records import Problem
from importer.tables import (
    BOOLEAN,
    DEFAULT_STATED,
    Corrections,
    EntityTables,
    Entry,
    ProblemTable,
    Sources,
    SourceTable,
    numbers_as_numpy,
)

# The files and folders that commands write to a run's folder.
_OURS = frozenset({
    *("results.csv", "children.csv", "errors.csv", "changes.csv", "undo.csv", "verify.csv", "payloads.jsonl"),
    *("corrections.csv", "rejected", "rejected.xlsx", "report.html", "sign-off.xlsx", "summary.json", "work"),
})  # fmt: skip
_CHILDREN = ("addresses", "contacts")
_FRAMES = ("customers", *_CHILDREN, "rows", "changes", "cells")
_PROBLEMS, _ENTRIES = TypeAdapter(tuple[Problem, ...]), TypeAdapter(tuple[Entry, ...])


def new_run_id(now: datetime) -> str:
    """A run's ID: its UTC time and four hex digits, so that IDs sort by time: ``20250331-140502-430b``."""
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class Stage:
    """What a run knows before it sends anything: everything that its reports are made from, except outcomes.

    ``words``: the counts of ``report.word_counts``, if there are any; they are not saved. ``choices``: what a cell of a
    field can be filled in with, such as ``address country``.
    """

    sources: Sources
    tables: EntityTables
    problems: ProblemTable
    rejected: npt.NDArray[np.bool_]
    lost_child: npt.NDArray[np.bool_]
    facts: dict[str, Any]
    words: Mapping[str, pa.Table] | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @classmethod
    def create(cls, out: Path, run_id: str) -> "RunFolder":
        """Make ``<out>/<run ID>/``. Raises :class:`OutputError` if that is not possible."""
        folder = cls(out / run_id)
        with _write_errors(out):
            make_folder(out)
            folder.path.mkdir(mode=0o700)
        return folder

    @staticmethod
    def claim(folder: Path) -> bool:
        """Make a run's folder; False if it already exists: runs with other ledgers may write to the same place.

        Raises :class:`OutputError`.
        """
        with _write_errors(folder.parent):
            make_folder(folder.parent)
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                return False
            return True

    @property
    def run_id(self) -> str:
        """The run's ID, which is the folder's name."""
        return self.path.name

    @property
    def work(self) -> Path:
        """The folder with what resuming and reporting need."""
        return self.path / "work"

    @property
    def payloads(self) -> Path:
        """The file with the exact bodies, one per line."""
        return self.path / "payloads.jsonl"

    def save_digests(self, digests: Mapping[str, str]) -> None:
        """Save the digests that show whether a sign-off's sheets were changed. Raises :class:`OutputError`."""
        with _write_errors(self.path):
            self._write_json("sign-off.json", dict(digests))

    def load_digests(self) -> dict[str, str]:
        """What :meth:`save_digests` saved. Raises :class:`OutputError` if it is missing."""
        with _read_errors(self.path):
            return self._read_json("sign-off.json")

    def unexpected_files(self, files: Collection[str]) -> list[str]:
        """Files in the folder that the importer did not write. ``files``: those that its summary lists.

        Raises :class:`OSError`.
        """
        names = [path.name for path in self.path.iterdir() if path.name not in _OURS or path.is_symlink()]
        rejected = self.file("rejected")
        if rejected.is_dir() and not rejected.is_symlink():
            below = (f"rejected/{path.name}" for path in rejected.iterdir())
            names += [name for name in below if name not in files]
        return sorted(name for name in names if not name.removeprefix("rejected/").startswith(UNFINISHED))

    def file(self, name: str) -> Path:
        """A file in the folder."""
        return self.path / name

    def save(self, stage: Stage) -> None:
        """Save a stage. Raises :class:`OutputError`."""
        with _write_errors(self.path):
            for number, table in enumerate(stage.sources.tables):
                self._write(f"source-{number}", table.frame)
                self._write(f"source-{number}-skipped", table.skipped)
                np.savez(self._create(f"source-{number}.npz"), rows=table.row_numbers, broken=table.broken)
            for name in _FRAMES:
                self._write(name, getattr(stage.tables, name))
            self._write("problems", stage.problems.frame)
            if stage.sources.corrections is not None:
                self._write("corrections", stage.sources.corrections.lines)
            field_rows = {f"field:{name}": rows for name, rows in stage.tables.customer_field_rows.items()}
            arrays: dict[str, Any] = {"rejected": stage.rejected, "lost_child": stage.lost_child, **field_rows}
            np.savez(self._create("customers.npz"), **arrays)
            self._write_json("stage.json", _describe(stage))

    def save_bodies(self, bodies: pd.DataFrame) -> None:
        """Save where each body is in ``payloads.jsonl``; now the run can be resumed. Raises :class:`OutputError`."""
        with _write_errors(self.path):
            self._write("bodies", bodies)

    def drop_bodies(self) -> None:
        """Remove what :meth:`save_bodies` saved; now the run cannot be resumed. Raises :class:`OutputError`."""
        with _write_errors(self.path):
            (self.work / "bodies.arrow").unlink(missing_ok=True)

    def load_bodies(self) -> pd.DataFrame | None:
        """What :meth:`save_bodies` saved, or None if the run did not get that far. Raises :class:`OutputError`."""
        if not (self.work / "bodies.arrow").is_file():
            return None
        with _read_errors(self.path):
            return self._read("bodies")

    def save_plan(self, plan: pd.DataFrame, facts: dict[str, Any]) -> None:
        """Save what is planned for each customer, and the facts of the plan. Raises :class:`OutputError`."""
        with _write_errors(self.path):
            self._write("plan", plan)
            self._write_json("plan.json", facts)

    def load_plan(self) -> tuple[pd.DataFrame, dict[str, Any]] | None:
        """What :meth:`save_plan` saved, or None if there is no plan. Raises :class:`OutputError`."""
        if not (self.work / "plan.json").is_file():
            return None
        with _read_errors(self.path):
            return self._read("plan"), self._read_json("plan.json")

    def load(self) -> Stage:
        """The stage that :meth:`save` saved. Raises :class:`OutputError` if it is missing or incomplete."""
        with _read_errors(self.path):
            described = self._read_json("stage.json")
            corrections = described.get("corrections")
            sources = Sources(
                tuple(self._source(number, table) for number, table in enumerate(described["sources"])),
                _PROBLEMS.validate_python(described["problems"]),
                None if corrections is None else Corrections(**corrections, lines=self._read("corrections")),
            )
            with self._arrays("customers") as arrays:
                field_rows = {n.removeprefix("field:"): arrays[n] for n in arrays.files if n.startswith("field:")}
                rejected, lost_child = arrays["rejected"], arrays["lost_child"]
            known = (name for name in _FRAMES if name != "cells" or described.get("cells"))
            frames = {name: self._read(name) for name in known}  # earlier versions did not count cells
            for name in _CHILDREN:  # run folders of earlier versions do not have the column
                if DEFAULT_STATED not in frames[name]:
                    frames[name][DEFAULT_STATED] = pd.Series(False, index=frames[name].index, dtype=BOOLEAN)
            tables = EntityTables(
                **frames,
                entries=_ENTRIES.validate_python(described["entries"]),
                customer_field_rows=field_rows,
                unused_columns={name: tuple(columns) for name, columns in described["unused_columns"].items()},
            )
            problems = ProblemTable(self._read("problems"))
            choices = {kind: tuple(names) for kind, names in described.get("choices", {}).items()}
            return Stage(sources, tables, problems, rejected, lost_child, described["facts"], choices=choices)

    def _source(self, number: int, described: dict[str, Any]) -> SourceTable:
        with self._arrays(f"source-{number}") as arrays:
            rows, broken = arrays["rows"], arrays["broken"]
        return SourceTable(
            described["file"],
            described["sheet"],
            self._read(f"source-{number}"),
            rows,
            self._read(f"source-{number}-skipped"),
            broken,
            frozenset(described["secrets"]),
            described["details"],
        )

    @contextmanager
    def _arrays(self, name: str) -> Iterator[Any]:
        """The arrays in a file, which is closed even if it is damaged."""
        with (self.work / f"{name}.npz").open("rb") as file, np.load(file) as arrays:
            yield arrays

    def _create(self, name: str) -> Path:
        """Create an empty file in ``work``; only the owner can read the folder and the file."""
        self.work.mkdir(mode=0o700, exist_ok=True)
        path = self.work / name
        open_private(path).close()
        return path

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        self._create(name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    def _read_json(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.work / name).read_text(encoding="utf-8"))
        return content

    def _write(self, name: str, frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        feather.write_feather(table, self._create(f"{name}.arrow"), compression="lz4")

    def _read(self, name: str) -> pd.DataFrame:
        table = feather.read_table(self.work / f"{name}.arrow", memory_map=False)
        frame: pd.DataFrame = table.to_pandas(types_mapper=numbers_as_numpy)
        return frame


class ByteRange(Protocol):
    """Where a body is in the payloads, in bytes."""

    @property
    def offset(self) -> int: ...

    @property
    def length(self) -> int: ...


class PayloadFile:
    """The planned bodies, by their offset and length in a run's payloads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, items: Sequence[ByteRange]) -> list[bytes]:
        """The bodies of ``items``, in their order. Raises :class:`OutputError`."""
        try:
            with self._path.open("rb", buffering=0) as file:
                return [os.pread(file.fileno(), item.length, item.offset) for item in items]
        except OSError as error:
            hint = "Run again with the same sources. The ledger knows what was sent."
            raise OutputError(f"the run's payloads {self._path} cannot be read: {error.strerror}", hint) from None


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}",
            "Specify another folder with --out, or free space on the disk.",
        ) from error


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise OutputError(
            f"{path}: the saved data of this run is missing or incomplete ({error})",
            "Run again with the same sources: it continues where it stopped, because the ledger knows what was sent.",
        ) from error


def _describe(stage: Stage) -> dict[str, Any]:
    corrections = stage.sources.corrections
    return {
        "corrections": None if corrections is None else {"file": corrections.file, "sha256": corrections.sha256},
        "facts": stage.facts,
        "cells": True,
        "sources": [
            {"file": t.file, "sheet": t.sheet, "secrets": sorted(t.secrets), "details": dict(t.details)}
            for t in stage.sources.tables
        ],
        "problems": [asdict(problem) for problem in stage.sources.problems],
        "entries": [asdict(entry) for entry in stage.tables.entries],
        "unused_columns": {name: list(columns) for name, columns in stage.tables.unused_columns.items()},
        "choices": {kind: list(names) for kind, names in stage.choices.items()},
    }
