"""When a request may be sent again: the retry policy, and the waits that the API asks for, which the user limits."""

import logging
import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from importer.errors import ApiUnavailableError
from importer.logs import event

_EPOCH = 100_000_000.0  # a reset above this is a point in time, not a number of seconds
_EPOCH_MILLISECONDS = 100_000_000_000.0
_STRUCTURED = re.compile(r"(?:^|[;,\s])(remaining|reset|r|t)\s*=\s*(\d+(?:\.\d+)?)")
_NAMES = ("ratelimit", "x-ratelimit", "x-rate-limit")
ANNOUNCED = 5.0  # seconds: shorter waits are ordinary pacing, which needs no message; the log has them all
IN_A_ROW = 120.0  # seconds after a wait; a later request to wait has nothing to do with it
LONGEST = 366 * 86_400.0  # seconds: more counts as a year, so that it can be added to any time
HINT = "Nothing is lost. Run `importer resume` later, or allow a longer wait with --max-wait."


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` attempts within ``deadline`` seconds, ``first`` to ``longest`` seconds apart."""

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0
    deadline: float = 300.0

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Full jitter, so that workers that fail together spread out (AWS: "Exponential Backoff and Jitter")."""
        return rng.uniform(0.0, min(self.longest, self.first * 2.0 ** min(attempt - 1, 60)))


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds in ``Retry-After`` (RFC 9110, 10.2.3: seconds or an HTTP date); None if it has no valid value.

    A date is compared with the response's ``Date``, if it has one, instead of ``now`` (epoch seconds), in case this
    machine's clock is wrong.
    """
    text = headers.get("retry-after", "")
    seconds, until = _number(text), _date(text)
    if seconds is not None or until is None:
        return seconds
    return max(0.0, until - (_date(headers.get("date", "")) or now))


def quota_pause(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the quota is renewed, if the headers say that none of it remains; otherwise None.

    Understands ``[X-]RateLimit-Remaining``/``-Reset`` (reset in seconds, epoch seconds or epoch milliseconds) and the
    IETF drafts' single headers ``limit=…, remaining=0, reset=5`` and ``"default";r=0;t=5``.
    """
    parts: dict[str, str] = dict(_STRUCTURED.findall(headers.get("ratelimit", "").lower()))
    pairs = [(headers.get(f"{name}-remaining"), headers.get(f"{name}-reset")) for name in _NAMES]
    pairs.append((parts.get("remaining", parts.get("r")), parts.get("reset", parts.get("t"))))
    remaining, reset = map(_number, next((pair for pair in pairs if None not in pair), (None, None)))
    if reset is None or remaining is None or remaining >= 1:
        return None
    if reset >= _EPOCH_MILLISECONDS:
        reset /= 1000.0
    return max(0.0, reset - now) if reset >= _EPOCH else reset


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@dataclass(kw_only=True)
class Waits:
    """Until when nothing may be sent (``until``, on ``clock``).

    ``longest`` (seconds) limits each wait, and any time in which the API keeps asking for waits and accepts nothing in
    between. Once it is exceeded, ``error`` is set, and there is no more waiting.
    """

    longest: float
    announce: Callable[[str], None]
    clock: Callable[[], float]
    wall: Callable[[], float]
    until: float = field(default=-math.inf, init=False)
    error: ApiUnavailableError | None = field(default=None, init=False)
    _began: float | None = field(default=None, init=False)  # the first wait since a request was accepted
    _reported: float = field(default=-math.inf, init=False)  # the end of the wait that was reported last

    def accepted(self) -> None:
        """A request was accepted: the API is available, and the next wait has nothing to do with the last one."""
        self._began = None

    def ask(self, seconds: float, cause: str) -> float:
        """The API asks for a pause of ``seconds`` (``cause``: how). Of several pauses, the one that ends last counts.

        Returns the seconds to wait: a value that is not a number, or is below 0, counts as 0.
        """
        now = self.clock()
        wait = 0.0 if math.isnan(seconds) else min(max(0.0, seconds), LONGEST)
        if self._began is None or now > self.until + IN_A_ROW:
            self._began = now
        if self.error is None and now + wait - self._began > self.longest:
            self._refuse(wait, now + wait - self._began, cause)
        if self.error is not None:
            return wait
        going_on = now < self.until and now + wait < self._reported + ANNOUNCED
        self.until = max(self.until, now + wait)
        if wait > 0.0 and not going_on:
            self._report(now, cause)
        return wait

    def _report(self, now: float, cause: str) -> None:
        self._reported = self.until
        wait = self.until - now
        moment = datetime.fromtimestamp(self.wall() + wait, UTC)
        event(logging.INFO, "wait", seconds=round(wait, 3), until=moment.isoformat(timespec="seconds"), cause=cause)
        if wait >= ANNOUNCED:
            day = "" if wait < 43_200.0 else f"{moment:%Y-%m-%d} "
            self.announce(
                f"The API asks the importer to wait until {day}{moment:%H:%M:%S} UTC ({cause}). Then it continues."
            )

    def _refuse(self, wait: float, in_all: float, cause: str) -> None:
        what = f"asks the importer to wait {in_words(wait)}"
        if wait <= self.longest:
            what = f"keeps asking the importer to wait, {in_words(in_all)} in total"
        message = f"the API {what} ({cause}), longer than --max-wait allows ({in_words(self.longest)})"
        event(logging.WARNING, "wait too long", seconds=round(wait, 3), cause=cause)
        self.error = ApiUnavailableError(message, HINT)


def in_words(seconds: float) -> str:
    """A length of time in words: ``24 h``, ``15 min``, ``1 min 30 s``."""
    if seconds < 1.0:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(min(seconds, LONGEST)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{count:,} {unit}" for count, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return " ".join(parts[:2])
