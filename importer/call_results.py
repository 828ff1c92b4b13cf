"""What the functions of the Python API return: how a command ended, with its tables and bodies."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from importer.report.report_files import read_csv


@dataclass(frozen=True, repr=False)
class Result:
    """How a command ended. ``summary``: plain values, as in ``summary.json`` (of undo and verify: as with ``--json``).

    Tables are read from the run's folder when first accessed, and contain text, whole numbers and ``seconds``.
    They raise :class:`importer.errors.OutputError` when their file is gone.
    """

    summary: dict[str, Any]
    _table: str = "results.csv"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.run_id}, exit code {self.exit_code}>"

    @property
    def exit_code(self) -> int:
        """0: success; 1: something was rejected or failed; 3: stopped early, or an outcome is unknown."""
        return int(self.summary["exit_code"])

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0: every customer is where it should be."""
        return self.exit_code == 0

    @property
    def stopped(self) -> str | None:
        """Why it ended early, if it did."""
        stopped: str | None = self.summary["stopped"]
        return stopped

    @property
    def run_id(self) -> str:
        """The run's id, for :func:`resume`, :func:`undo`, and ``run(plan=…)``."""
        return str(self.summary["run_id"])

    @property
    def folder(self) -> Path:
        """Where the reports are."""
        return Path(self.summary["folder"])

    @cached_property
    def customers(self) -> pd.DataFrame:
        """One line per customer: ``results.csv``, or after undo and verify ``undo.csv`` or ``verify.csv``."""
        return read_csv(self.folder / self._table)


class CheckResult(Result):
    """How a check or a plan ended."""

    @cached_property
    def problems(self) -> pd.DataFrame:
        """One line per problem, with its place: ``errors.csv``."""
        return read_csv(self.folder / "errors.csv")

    @cached_property
    def changes(self) -> pd.DataFrame | None:
        """Each field that a planned update would change: ``changes.csv``; None where there is none."""
        return read_csv(self.folder / "changes.csv") if "changes.csv" in self.summary["files"] else None

    def bodies(self) -> Iterator[dict[str, Any]]:
        """The bodies that would be sent, or were sent, one per customer that is not rejected."""
        with (self.folder / "payloads.jsonl").open("rb") as file:
            for line in file:
                yield orjson.loads(line)


class RunResult(CheckResult):
    """How a run ended."""

    @property
    def results(self) -> pd.DataFrame:
        """One line per customer, with its outcome and its id in WizCommerce: ``results.csv``."""
        return self.customers

    @cached_property
    def children(self) -> pd.DataFrame:
        """One line per address and contact, with its id in WizCommerce: ``children.csv``."""
        return read_csv(self.folder / "children.csv")
