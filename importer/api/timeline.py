"""What happened when: counts in equal slices of time, as few as a picture needs however long it goes on."""

from itertools import zip_longest

__all__ = ["Timeline"]

MOST = 240  # slices; when there would be more, each two become one


class Timeline:
    """Counts requests and refusals by the second at first, and by ever longer slices as time goes on."""

    def __init__(self) -> None:
        self._start = 0.0
        self._every = 1.0
        self._slices: list[list[int]] = []  # of each, how many requests and how many refusals

    def request(self, now: float) -> None:
        """A request was let go."""
        self._slice(now)[0] += 1

    def refusal(self, now: float) -> None:
        """A request was answered with 429."""
        self._slice(now)[1] += 1

    def series(self) -> dict[str, float | list[int]]:
        """``every`` (seconds in a slice), and ``requests`` and ``throttled`` of each slice from the first request."""
        requests, throttled = ([counts[at] for counts in self._slices] for at in (0, 1))
        return {"every": self._every, "requests": requests, "throttled": throttled}

    def _slice(self, now: float) -> list[int]:
        if not self._slices:
            self._start = now
        while (at := int((now - self._start) / self._every)) >= MOST:
            pairs = zip_longest(self._slices[::2], self._slices[1::2], fillvalue=(0, 0))
            self._slices = [[a + b for a, b in zip(*pair, strict=True)] for pair in pairs]
            self._every *= 2.0
        self._slices += ([0, 0] for _ in range(len(self._slices), at + 1))
        return self._slices[at]
