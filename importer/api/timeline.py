"""What happened when: counts in equal slices of time, as few as a picture needs however long it goes on."""

__all__ = ["Timeline"]

MOST = 240  # slices; when there would be more, each two become one


class Timeline:
    """Counts requests and refusals by the second at first, and by ever longer slices as time goes on."""

    def __init__(self) -> None:
        self._start = 0.0
        self._every = 1.0
        self._requests: list[int] = []
        self._throttled: list[int] = []

    def request(self, now: float) -> None:
        """A request was let go."""
        at = self._slice(now)  # which may put other lists in place
        self._requests[at] += 1

    def refusal(self, now: float) -> None:
        """A request was answered with 429."""
        at = self._slice(now)
        self._throttled[at] += 1

    def series(self) -> dict[str, float | list[int]]:
        """``every`` (seconds in a slice), and ``requests`` and ``throttled`` of each slice from the first request."""
        return {"every": self._every, "requests": list(self._requests), "throttled": list(self._throttled)}

    def _slice(self, now: float) -> int:
        if not self._requests:
            self._start = now
        at = int((now - self._start) / self._every)
        while at >= MOST:
            self._requests, self._throttled = _halved(self._requests), _halved(self._throttled)
            self._every *= 2.0
            at = int((now - self._start) / self._every)
        missing = at + 1 - len(self._requests)
        if missing > 0:
            self._requests += [0] * missing
            self._throttled += [0] * missing
        return at


def _halved(counts: list[int]) -> list[int]:
    return [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)]
