"""The process that sends: ``python -m importer.web.sending_process FOLDER``, which reads its order from stdin.

It calls the Python API, keeps its record in the folder up to date, and stops gently on SIGTERM.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from importer.errors import ImporterError, StopError
from importer.python_api import Result, Target, resume, retry, run, undo
from importer.web.background import defect
from importer.web.private_state import locked
from importer.web.sendings import FILES, STOP, Order, SendingRecord, read_record, write_record

_PAUSE = 0.3  # seconds between updates of the record
_SUMMARY = ("exit_code", "stopped", "customers", "results", "resumable")  # what the page shows


class SendingProgress:
    """The record of a sending as it changes."""

    def __init__(self, folder: Path, record: SendingRecord, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self.record = record
        self._written = 0.0

    def begin(self) -> None:
        """Record the process's ID, so that it can be stopped. Raises :class:`StopError` if a stop was requested."""
        self._update(pid=os.getpid())
        if (self._folder / STOP).exists():
            raise StopError("stopped before anything was sent")

    def phase(self, text: str) -> None:
        self._update(phase=text, stopping=self.record.stopping or text.startswith("Stopping"))

    def stage(self, text: str) -> None:
        if text:
            self._update(phase=text)

    def began(self, run_id: str) -> None:
        self._update(run=run_id)

    def counts(self, numbers: Mapping[str, int]) -> None:
        now = self._clock()
        record = replace(self.record, counts=dict(numbers), updated=now, state="sending")
        if record.first is None:
            record = replace(record, first=(now, record.done))
        self.record = record
        if now - self._written >= _PAUSE:
            self._update()

    def ended(self, result: Result) -> None:
        found = {name: result.summary[name] for name in _SUMMARY if name in result.summary}
        self._update(state="ended", summary=found, run=result.run_id)

    def failed(self, error: ImporterError) -> None:
        self._update(state="failed", error=(error.message, error.hint))

    def _update(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)
        self._written = self._clock()
        write_record(self._folder, self.record)


def carry_out(order: Order, progress: SendingProgress) -> Result:
    calls = {"progress": progress.phase, "stage": progress.stage, "counts": progress.counts, "began": progress.began}
    options: dict[str, Any] = {**order.options, **calls, "yes": True}
    if order.action == "run":
        return run(list(order.sources), order.mapping, Target(order.api, order.key), **options)
    options |= {"key": order.key} if order.key else {}
    if order.action == "undo":
        return undo(order.run, **options)
    return (retry if order.action == "retry" else resume)(order.run, **options)


def main(folder: Path) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # before anything is sent; then the run handles it
    order = Order(**json.loads(sys.stdin.buffer.read()))
    with locked(folder):
        record = read_record(folder)
        if record is None:
            return
        progress = SendingProgress(folder, record)
        try:
            progress.begin()
            progress.ended(carry_out(order, progress))
        except ImporterError as error:
            progress.failed(error)
        except KeyboardInterrupt:
            progress.failed(StopError("stopped before anything was sent"))
        except BaseException as error:  # noqa: BLE001 - nobody sees anything but the record
            progress.failed(defect(error))
        finally:
            shutil.rmtree(folder / FILES, ignore_errors=True)


if __name__ == "__main__":  # large inputs are processed by processes that import this module
    main(Path(sys.argv[1]))
