"""How long an answer's headers ask us to wait. Names are looked up in lower case."""

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["quota_pause", "retry_after"]

_EPOCH = 100_000_000.0  # a reset above this is a point in time, not a number of seconds
_EPOCH_MILLISECONDS = 100_000_000_000.0
_STRUCTURED = re.compile(r"(?:^|[;,\s])(remaining|reset|r|t)\s*=\s*(\d+(?:\.\d+)?)")
_NAMES = ("ratelimit", "x-ratelimit", "x-rate-limit")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that ``Retry-After`` asks for (RFC 9110, 10.2.3: seconds or an HTTP date); None when it says nothing.

    ``now`` is this machine's time in epoch seconds; for a date the answer's own ``Date`` is preferred, so that a clock
    that goes wrong here does no harm.
    """
    text = headers.get("retry-after", "")
    seconds, until = _number(text), _date(text)
    if seconds is not None or until is None:
        return seconds
    return max(0.0, until - (_date(headers.get("date", "")) or now))


def quota_pause(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the quota comes back when the headers say that nothing of it remains, else None.

    Understands ``RateLimit-Remaining``/``-Reset`` with and without ``X-`` (reset in seconds, epoch seconds or epoch
    milliseconds) and the IETF drafts' single headers ``limit=…, remaining=0, reset=5`` and ``"default";r=0;t=5``.
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
