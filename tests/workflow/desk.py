"""Runs commands at a desk: an empty folder, a state folder, an environment, and the output of each command."""

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from importer.cli import main
from importer.cli.app import app
from importer.ledger import runs
from importer.sandbox import SandboxConfig
from tests.report.schema import hold_against_schema
from tests.running_sandbox import RunningSandbox, running

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
KEY = "wc-live-9f8e7d6c5b4a"
PATIENCE = 120  # seconds; nothing takes that long unless it hangs


@contextlib.contextmanager
def in_this_process(config: SandboxConfig) -> Iterator[str]:
    with running(config) as sandbox:
        yield sandbox.url


SAVED = {  # what a process does once, but ``Desk.do`` would do for every command
    "importer.cli.app.app": typer.main.get_command(app),
    "importer.ledger.runs._fingerprint": cache(runs._fingerprint),  # deliberately slow
    "importer.ledger.runs.secrets": SimpleNamespace(token_bytes=bytes),  # one fingerprint for all ledgers
    "importer.workflow.targets.spawned": in_this_process,  # the same sandbox without a separate process
}
MAPPING = """\
title: A small mapping
key: Id
customer:
  company_name: Name
  phone: {from: Phone, optional: true}
  email: {from: Mail, optional: true}
addresses:
  - type: {constant: billing}
    optional: true
    address_line_1: Street
    city: Town
"""


@dataclass(frozen=True)
class Said:
    """The result of a command. ``at`` is its working folder, ``folder`` the run's folder according to ``summary``."""

    code: int
    out: str
    err: str
    at: Path

    @property
    def summary(self) -> dict[str, Any]:
        """The only JSON object on stdout."""
        assert self.out.count("\n") == 1, self.out + self.err
        summary: dict[str, Any] = json.loads(self.out)
        return summary

    @property
    def folder(self) -> Path:
        return self.at / self.summary["folder"]

    @property
    def outcomes(self) -> dict[str, str]:
        return {line["reference_id"]: line["outcome"] for line in self.table("results.csv")}

    def table(self, name: str) -> list[dict[str, str]]:
        return read_table(self.folder / name)


class Terminal(io.StringIO):
    """A terminal in memory."""

    def isatty(self) -> bool:
        return True


class Console(io.TextIOWrapper):
    """A stream in memory that is limited to the characters of its encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding, newline="\n", write_through=True)

    def getvalue(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@dataclass
class Desk:
    """``path`` is the current folder; the state folder is beside it."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)
    held: dict[Path, int] = field(default_factory=dict)  # summaries that were checked → when they were written

    def do(self, *words: object, typed: str | None = None, encoding: str = "") -> Said:
        """Run ``importer`` with these words in this process, from the entry point to the exit code.

        ``typed``: what the user types; then there is a terminal. ``encoding``: limits stdout and stderr to it.
        """
        out, err = (Terminal() if typed is not None else Console(encoding) if encoding else io.StringIO() for _ in "oe")
        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
            patch.chdir(self.path)
            for name in [name for name in os.environ if name.startswith(("IMPORTER_", "WIZCOMMERCE_"))]:
                patch.delenv(name)
            for name, value in self.variables.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["importer", *map(str, words)])
            for place, value in SAVED.items():
                patch.setattr(place, value)
            if typed is not None:
                patch.setattr(sys, "stdin", Terminal(typed))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            with pytest.raises(SystemExit) as stop:
                main()
        assert isinstance(stop.value.code, int)
        self.hold_summaries()
        return Said(stop.value.code, out.getvalue(), err.getvalue(), self.path)

    def run(self, api: str, *words: object) -> Said:
        """``importer run … --api api --json``."""
        return self.do("run", *words, "--api", api, "--json")

    def start(self, *words: object, **more: Any) -> "subprocess.Popen[str]":
        """Start ``importer`` with these words in a separate process."""
        return subprocess.Popen(
            [sys.executable, "-m", "importer", *map(str, words)],
            cwd=self.path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def process(self, *words: object, **more: Any) -> Said:
        """The same, but wait for its end."""
        with self.start(*words, **more) as process:
            out, err = process.communicate(timeout=PATIENCE)
        self.hold_summaries()
        return Said(process.returncode, out, err, self.path)

    def hold_summaries(self) -> None:
        """Check every new summary against the published schema."""
        for path in self.path.glob("*/*/summary.json"):
            written = path.stat().st_mtime_ns
            if self.held.get(path) != written:
                hold_against_schema(json.loads(path.read_bytes()))
                self.held[path] = written

    @property
    def variables(self) -> Mapping[str, str]:
        home = {"HOME": str(self.path.parent / "home"), "XDG_STATE_HOME": str(self.state)}
        return home | {"WIZCOMMERCE_API_KEY": KEY, "IMPORTER_RATE": "5000"} | self.environment

    @property
    def state(self) -> Path:
        return self.path.parent / "state"

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def small(self, count: int = 3) -> tuple[str, ...]:
        """Write a small clean source and its mapping; returns the words that name them."""
        lines = [f"C{n},Company {n},+1415555010{n % 10},c{n}@example.com,{n} Main Street,Anytown" for n in range(count)]
        self.write("small.csv", "\n".join(["Id,Name,Phone,Mail,Street,Town", *lines, ""]))
        self.write("small.yaml", MAPPING)
        return ("small.csv", "-m", "small.yaml")

    def files(self) -> Iterator[Path]:
        """Every file that commands have left at this desk."""
        return (path for path in self.path.parent.rglob("*") if path.is_file())

    def tenants(self) -> list[str]:
        with contextlib.closing(sqlite3.connect(self.state / "importer" / "ledger.db")) as ledger:
            return [name for (name,) in ledger.execute("SELECT name FROM tenants")]


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def make_desk(folder: Path) -> Desk:
    for name in ("desk", "home"):
        (folder / name).mkdir()
    return Desk(folder / "desk")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


@pytest.fixture
def box() -> Iterator[RunningSandbox]:
    """A sandbox that accepts the desk's key."""
    with running(SandboxConfig(keys=(KEY,))) as made:
        yield made
