"""The whole state of a running sandbox."""

import hmac
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from importer.sandbox.customer_store import CustomerStore
from importer.sandbox.faults import FaultPlan
from importer.sandbox.fixtures import load_fixtures
from importer.sandbox.listing import Lister
from importer.sandbox.responses import Connections, RefusedRequest
from importer.sandbox.sandbox_config import Clock, SandboxConfig, stamp

_LOG_LENGTH = 200_000


@dataclass(slots=True)
class LoggedRequest:
    """A request as it came in.

    ``time``: monotonic seconds. ``reference_ids``: of the child, and then of the customers that the request is about,
    as far as known. ``status``: 0 while it is unanswered, or if it was dropped.
    """

    method: str
    path: str
    time: float
    reference_ids: tuple[str, ...] = ()
    status: int = 0
    fault: str | None = None


class Sandbox:
    """The configuration, the customers, the limiter, the fault plan, and the log of requests."""

    def __init__(self, config: SandboxConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.fixtures = load_fixtures(config.fixtures)
        self.store = CustomerStore(config.data)
        self.lister = Lister(self.store, config.list_lag)
        self.log: deque[LoggedRequest] = deque(maxlen=_LOG_LENGTH)
        self.connections: Connections = {}
        self.set_faults(config.faults, config.aimed)
        self._keys = [key.encode() for key in config.keys]
        self._accepted: deque[float] = deque()
        self._last_micros = 0

    def micros(self) -> int:
        """The time now in microseconds since 1970; never the same twice, so that times show the order of changes."""
        self._last_micros = max(int(self.clock.wall() * 1_000_000), self._last_micros + 1)
        return self._last_micros

    def listed_until(self) -> str:
        """The time (as in responses) until which a record must have been created to show in lists."""
        return stamp(max(0, self.micros() - round(self.config.list_lag * 1_000_000)))

    def set_faults(self, faults: str = "", aimed: Mapping[str, Iterable[str]] | None = None) -> None:
        """Replace the fault plan; without arguments, there are no faults. Raises ValueError for an invalid plan."""
        self.faults = FaultPlan(faults, seed=self.config.seed, reads=self.config.fault_reads, aimed=aimed or {})

    def check_key(self, key: str | None) -> None:
        """Refuse with 401 if there is no key, and with 403 if it is not one of the configured keys."""
        if not key:
            raise RefusedRequest(401, "unauthorized", "The header X-API-Key is missing.")
        if self._keys and not any(hmac.compare_digest(key.encode(), known) for known in self._keys):
            raise RefusedRequest(403, "forbidden", "This API key is not accepted.")

    def check_rate(self, now: float) -> None:
        """Refuse with 429 if the allowed number of requests was already accepted in the last second (in ticks)."""
        if self.config.rate is None:
            return
        while self._accepted and self._accepted[0] <= now - 1:
            self._accepted.popleft()
        if len(self._accepted) >= self.config.rate:
            raise self.too_many(self._accepted[0] + 1 - now)
        self._accepted.append(now)

    def too_many(self, wait: float, *, status: int = 429) -> RefusedRequest:
        """The refusal of a request that may be sent again after ``wait`` seconds."""
        seconds = max(1, math.ceil(wait))
        headers = self.rate_headers(self.clock.ticks())
        if self.config.retry_after == "seconds":
            headers["Retry-After"] = str(seconds)
        elif self.config.retry_after == "date":
            headers["Retry-After"] = formatdate(math.ceil(self.clock.wall() + wait), usegmt=True)
        return RefusedRequest(status, "rate_limited", "Too many requests.", headers=headers)

    def rate_headers(self, now: float) -> dict[str, str]:
        """The RateLimit headers, if they are configured and there is a limit."""
        if self.config.rate is None or not self.config.rate_headers:
            return {}
        left = self._accepted[0] + 1 - now if self._accepted else 0
        return {
            "RateLimit-Limit": str(self.config.rate),
            "RateLimit-Remaining": str(self.config.rate - len(self._accepted)),
            "RateLimit-Reset": str(max(0, math.ceil(left))),
        }
