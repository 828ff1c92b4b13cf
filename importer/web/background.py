"""Work that takes a while runs in threads, so that the page stays responsive. For each purpose, the latest counts."""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from importer.errors import ImporterError, InternalError

Report = Callable[[str], None]
T = TypeVar("T")
SOON = 0.6  # seconds that a page waits for work that may be quick


@dataclass
class Work(Generic[T]):
    """One piece of work. ``key``: what it depends on. ``phase``: what it is doing now, in words.

    Once the work is ``done``, it has a ``result`` or an ``error``.
    """

    key: Any = field(repr=False)
    call: Callable[[Report], T] = field(repr=False)
    phase: str = ""
    result: T | None = None
    error: ImporterError | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def done(self) -> bool:
        return self.ended.is_set()

    def run(self) -> None:
        try:
            self.result = self.call(self._report)
        except ImporterError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - nothing else would see an exception in a thread
            self.error = defect(error)
        finally:
            self.ended.set()

    def _report(self, text: str) -> None:
        self.phase = text


@dataclass(frozen=True)
class Seen(Generic[T]):
    """A snapshot of a piece of work, so that a page rendered while it ends does not mix two states."""

    work: Work[T] = field(repr=False)
    done: bool
    phase: str
    result: T | None
    error: ImporterError | None

    @classmethod
    def of(cls, work: Work[T]) -> "Seen[T]":
        done = work.done  # first: work that ends after this counts as not done
        return cls(work, done, work.phase, work.result if done else None, work.error if done else None)

    def outcome(self) -> T:
        """The result; waits until the work is done. Raises its error."""
        self.work.ended.wait()
        if self.work.error is not None:
            raise self.work.error
        return self.work.result  # type: ignore[return-value]  # there is a result by now


class Background:
    """Work by purpose. For each purpose, one piece runs at a time, and only the latest of the others waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Work[Any]] = {}
        self._waiting: dict[str, Work[Any]] = {}

    def ask(self, purpose: str, key: Any, call: Callable[[Report], T], *, patience: float = 0.0) -> Seen[T]:
        """The work for ``key``, which is started if it is new. Waits up to ``patience`` seconds for its end.

        ``call`` gets a function to which it reports what it is doing now, in words.
        """
        with self._lock:
            current, waiting = self._running.get(purpose), self._waiting.get(purpose)
            found = next((work for work in (current, waiting) if work is not None and work.key == key), None)
            if found is None:
                found = Work(key, call)
                self._drop(purpose)
                if current is None or current.done:
                    self._start(purpose, found)
                else:
                    self._waiting[purpose] = found
            elif found is current:
                self._drop(purpose)
        found.ended.wait(patience)
        return Seen.of(found)

    def forget(self, purpose: str) -> None:
        """Forget the result of a purpose, so that the next :meth:`ask` starts over."""
        with self._lock:
            current = self._running.get(purpose)
            if current is not None and current.done:
                del self._running[purpose]

    def _drop(self, purpose: str) -> None:
        """Drop the waiting work, which is no longer needed."""
        waiting = self._waiting.pop(purpose, None)
        if waiting is not None:
            waiting.error = ImporterError(
                "this result is out of date, and a newer one is being prepared", "Load the page again."
            )
            waiting.ended.set()

    def _start(self, purpose: str, work: Work[Any]) -> None:
        self._running[purpose] = work
        threading.Thread(target=self._run, args=(purpose, work), name=f"page: {purpose}", daemon=True).start()

    def _run(self, purpose: str, work: Work[Any]) -> None:
        work.run()
        with self._lock:
            following = self._waiting.pop(purpose, None)
            if following is not None:
                self._start(purpose, following)

    def wait(self, seconds: float) -> None:
        """Drop waiting work, and give each running piece up to ``seconds`` to end."""
        with self._lock:
            for purpose in [*self._waiting]:
                self._drop(purpose)
            running = [*self._running.values()]
        for work in running:
            work.ended.wait(seconds)


def defect(error: BaseException) -> InternalError:
    """What the page says about an unexpected exception, without its text, which may contain a customer's data."""
    if os.environ.get("IMPORTER_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    message = f"something went wrong inside the importer: {type(error).__name__}"
    return InternalError(
        message,
        "This is a bug in the importer, not a problem with your data. IMPORTER_DEBUG=1 shows where it happened.",
    )
