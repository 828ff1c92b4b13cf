"""Sendings: each is done by its own process, which continues after the page is closed or its server has ended.

Each has a folder beside the import history, with a record that its process keeps up to date. The process holds the
folder, so that its end can be detected in any case.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from importer.errors import StopError, UsageError
from importer.private_files import make_folder, open_private, replacing
from importer.settings import KEY_VARIABLE
from importer.web.private_state import free_path, in_use, state_folder

RECORD, FILES, STOP = "record.json", "files", "stop"
_KEPT = 20  # records of ended sendings that are kept
_STARTING = 20.0  # seconds within which a new process must hold its folder


@dataclass(frozen=True)
class SendingRecord:
    """One sending. ``state``: ``starting``, ``sending``, ``ended``, or ``failed``; ``lost`` if its process is gone.

    ``counts``: outcome → number of customers. ``run``: the run's ID, once there is one. ``summary``: the run's, once it
    has ended. ``error``: the message and the hint, if it failed. Times are in seconds since 1970.
    """

    id: str
    action: str
    api: str
    mapping: str
    sources: tuple[str, ...]
    state: str
    started: float
    pid: int = 0
    run: str | None = None
    phase: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    first: tuple[float, int] | None = None
    updated: float = 0.0
    stopping: bool = False
    limit: int | None = None
    ledger: str = ""
    out: str = ""
    summary: Mapping[str, Any] | None = None
    error: tuple[str, str] | None = None

    @property
    def active(self) -> bool:
        return self.state in ("starting", "sending")

    @property
    def total(self) -> int:
        """The number of customers that the run sends or sent, up to the limit: all but the rejected ones."""
        return self._count("rejected")

    @property
    def done(self) -> int:
        return self._count("rejected", "pending", "unknown")

    def _count(self, *others: str) -> int:
        """The number of customers with any outcome except ``others``, up to the limit."""
        count = sum(count for kind, count in self.counts.items() if kind not in others)
        return min(count, self.limit) if self.limit else count

    @property
    def rate(self) -> float | None:
        if self.first is None or self.updated <= self.first[0] or self.done <= self.first[1]:
            return None
        return (self.done - self.first[1]) / (self.updated - self.first[0])

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.rate if self.rate else None

    @property
    def began(self) -> str:
        return f"{datetime.fromtimestamp(self.started, UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Order:
    """What a process is to do: ``run``, ``resume``, ``retry``, or ``undo``, with the options of the Python API.

    ``run``: the ID of an earlier run. ``key``: None if no key is needed or it comes from elsewhere.
    """

    action: str
    api: str
    key: str | None = field(repr=False)
    options: Mapping[str, Any]
    sources: Sequence[str] = ()
    mapping: str = ""
    run: str | None = None

    def record(self, name: str) -> SendingRecord:
        return SendingRecord(
            name,
            self.action,
            self.api,
            Path(self.mapping).stem if self.mapping.endswith((".yaml", ".yml")) else self.mapping,
            tuple(Path(source).name for source in self.sources),
            "starting",
            time.time(),
            run=self.run,
            limit=self.options.get("limit"),
            ledger=str(self.options.get("ledger", "")),
            out=str(self.options.get("out", "")),
        )

    def with_copies_in(self, folder: Path, uploads: Path | None) -> "Order":
        """The order with copies in ``folder`` of the files that are in ``uploads``."""
        return replace(
            self,
            sources=[_copied(source, folder, uploads) for source in self.sources],
            mapping=_copied(self.mapping, folder, uploads),
            options={name: _copied(value, folder, uploads) for name, value in self.options.items()},
        )


class Sendings:
    """All sendings of this user on this machine. ``children``: the processes that this process has started."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.children: list[subprocess.Popen[bytes]] = []

    def all(self) -> list[SendingRecord]:
        """All sendings, newest first."""
        folder = state_folder(self._environment, "sendings")
        found = [one for path in folder.iterdir() if (one := _read(path)) is not None]
        return sorted(found, key=lambda one: one.started, reverse=True)

    def active(self) -> list[SendingRecord]:
        return [one for one in self.all() if one.active]

    def begin(self, order: Order, uploads: Path | None = None) -> None:
        """Start a process that carries out an order.

        Files in ``uploads`` are kept until the process ends, because the session may end earlier. The key is passed
        only through a pipe. Raises :class:`UsageError` while another sending is active.
        """
        found = self.all()
        if any(one.active for one in found):
            raise UsageError("a run is already in progress", "Wait until it is finished, or stop it first.")
        for ended in found[_KEPT:]:
            self.forget(ended.id)
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        folder = state_folder(self._environment, "sendings") / name
        try:
            make_folder(folder / FILES)
            write_record(folder, order.record(name))
            self._start(folder, order.with_copies_in(folder / FILES, uploads))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise StopError(f"the sending process could not be started: {error.strerror}", "Try again.") from error

    def _start(self, folder: Path, order: Order) -> None:
        environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
        child = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", "importer.web.sending_process", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # neither Ctrl-C nor the end of the terminal reaches it
        )
        self.children = [*(own for own in self.children if own.poll() is None), child]
        pipe = child.stdin
        if pipe is not None:
            with suppress(BrokenPipeError), pipe:
                pipe.write(json.dumps(vars(order)).encode())

    def stop(self, name: str) -> None:
        """Ask a sending to stop after the requests in flight; asked a second time, it stops at once."""
        folder = state_folder(self._environment, "sendings") / Path(name).name
        found = _read(folder)
        if found is None or not found.active:
            return
        (folder / STOP).touch(0o600)  # first: a process that is just starting checks for it
        found = _read(folder)
        if found is not None and found.active and found.pid and in_use(folder):
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGTERM)

    def forget(self, name: str) -> None:
        """Delete the record of a sending that has ended; the run stays in the history."""
        folder = state_folder(self._environment, "sendings") / Path(name).name
        found = _read(folder)
        if found is not None and not found.active:
            shutil.rmtree(folder, ignore_errors=True)


def _copied(value: Any, folder: Path, uploads: Path | None) -> Any:
    """A value as the process gets it. A file in ``uploads`` is linked or copied to ``folder``."""
    if not isinstance(value, str | Path) or uploads is None or not str(value).startswith(f"{uploads}{os.sep}"):
        return str(value) if isinstance(value, Path) else value
    same = (path for path in folder.iterdir() if path.samefile(value))
    if (kept := next(same, None)) is not None:
        return str(kept)
    kept = free_path(folder, Path(value).name)
    try:
        os.link(value, kept)
    except OSError:
        with Path(value).open("rb") as source, open_private(kept) as target:
            shutil.copyfileobj(source, target)
        shutil.copystat(value, kept)
    return str(kept)


def write_record(folder: Path, record: SendingRecord) -> None:
    """Write the record of a sending, completely or not at all. Raises :class:`OSError`."""
    with replacing(folder / RECORD) as file:
        file.write(json.dumps(vars(record), ensure_ascii=False).encode())


def read_record(folder: Path) -> SendingRecord | None:
    """The record in a folder; None if it does not exist or cannot be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        pairs = {name: tuple(found[name]) for name in ("sources", "first", "error") if found[name] is not None}
        return SendingRecord(**{**found, **pairs})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _read(folder: Path) -> SendingRecord | None:
    """The record; its state is ``lost`` if its process is gone without having recorded its end."""
    found = read_record(folder)
    if found is None or not found.active:
        return found
    if in_use(folder) or (found.state == "starting" and time.time() - found.started < _STARTING):
        return found
    again = read_record(folder)  # the process may have ended between the two checks
    if again is None or not again.active:
        return again
    return replace(again, state="lost")
