"""Progress on stderr: a passing line for each stage and a bar on a terminal, a few plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from importer.cli.output import safe, say, terminal_width

__all__ = ["Progress"]

EVERY = 10.0  # seconds between plain lines
OPEN = frozenset({"pending", "unknown"})


class Progress:
    """Shows phases and, while customers are sent, how many are done, how fast, how many failed and the time left."""

    def __init__(self, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._clock = clock
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None
        self._began: float | None = None
        self._first = 0
        self._said = 0.0
        self._status = ""

    def stage(self, text: str) -> None:
        """What takes a while now: a line that the next one replaces, on a terminal only; ``""`` takes it away."""
        if self._quiet or not self._terminal or self._bar is not None:
            return
        self._clear()
        if not text:
            return
        self._status = safe(f"{text} ...")[: terminal_width() - 1]
        print(self._status, end="", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        """Take the passing line away, without anything that a plain terminal does not know."""
        if self._status:
            print(f"\r{' ' * len(self._status)}\r", end="", file=sys.stderr, flush=True)
            self._status = ""

    def phase(self, text: str) -> None:
        """A line about what happens now."""
        if self._quiet:
            return
        self._clear()
        if self._bar is not None:
            self._bar.write(safe(text), file=sys.stderr)
        else:
            say(text)

    def counts(self, counts: Mapping[Any, int]) -> None:
        """How many customers of the run have which outcome."""
        if self._quiet:
            return
        total = sum(counts.values())
        done = sum(count for kind, count in counts.items() if str(kind) not in OPEN)
        failed = sum(count for kind, count in counts.items() if str(kind) == "failed")
        if self._began is None:
            self._began = self._said = self._clock()
            self._first = done
        self._clear()
        if self._terminal:
            self._draw(done, total, failed)
        elif self._clock() - self._said >= EVERY or done == total:
            self._tell(done, total, failed)

    def close(self) -> None:
        """Take the bar and the passing line away."""
        self._clear()
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, done: int, total: int, failed: int) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, initial=done, unit=" customers", file=sys.stderr, leave=False, dynamic_ncols=True
            )
        self._bar.total = total
        self._bar.set_postfix_str(f"{failed:,} failed", refresh=False)
        self._bar.update(done - self._bar.n)

    def _tell(self, done: int, total: int, failed: int) -> None:
        now = self._clock()
        self._said = now
        spent = now - (self._began or now)
        rate = (done - self._first) / spent if spent > 0 else 0.0
        left = f", {(total - done) / rate:,.0f} s left" if rate > 0 and done < total else ""
        say(f"{done:,} of {total:,} customers, {rate:,.0f}/s, {failed:,} failed{left}")
