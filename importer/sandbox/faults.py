"""Faults on demand: their names, and which request gets which fault."""

import random
from collections import deque
from collections.abc import Iterable, Mapping

BEFORE = {
    "drop-before": "the connection is closed without a response, nothing is done",
    "500-before": "500 with a JSON error, nothing is done",
    "503-html": "503 with a proxy's HTML page, nothing is done",
    "wait-503": "503 with a Retry-After of a day, nothing is done",
    "429": "429 with Retry-After, nothing is done",
    "forbidden-limit": "403 with the code of a 429 and Retry-After, nothing is done",
    "redirect": "307 to another path, nothing is done",
}
AFTER = {
    "drop-after": "done, then the connection is closed without a response",
    "500-after": "done, then 500 with a JSON error",
    "502-html": "done, then 502 with a proxy's HTML page",
    "slow": "done, the response is late",
    "cut": "done, the response breaks off in its body",
    "malformed": "done, the response is not JSON",
    "foreign": "done, the response has the ID and the reference ID of another customer",
    "foreign-id": "done, the response has the ID of another customer",
    "odd-id": "done, and what is created has an ID with a space and a slash from then on",
    "quota": "done, the response says that the quota is used up for an hour",
}
_KNOWN = (*BEFORE, *AFTER)


def check_names(names: Iterable[str]) -> None:
    """Raise ValueError if one of ``names`` is not a fault."""
    for name in names:
        if name not in _KNOWN:
            raise ValueError(f"{name!r} is not a fault; the faults are {', '.join(_KNOWN)}")


def parse_faults(text: str) -> dict[str, float]:
    """Read a plan such as ``drop-after=2%,429=0.01`` as fault name → share of requests (0 to 1).

    Raises ValueError that names the invalid part. An empty text is a plan without faults.
    """
    shares: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, amount = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"fault {part!r} has no share; write it as {name}=2%. The faults are {', '.join(_KNOWN)}")
        check_names([name])
        if name in shares:
            raise ValueError(f"fault {name!r} appears twice in {text!r}")
        shares[name] = _share(part, amount)
    if sum(shares.values()) > 1 + 1e-9:
        raise ValueError(f"the faults of {text!r} add up to more than 100%")
    return shares


def _share(part: str, amount: str) -> float:
    try:
        share = float(amount.removesuffix("%")) / (100 if amount.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"fault {part!r}: the share must be between 0% and 100%, such as 2% or 0.02")
    return share


class FaultPlan:
    """Assigns faults to requests in their order of arrival: aimed faults first, then by a seeded generator."""

    def __init__(self, text: str, *, seed: int, reads: bool, aimed: Mapping[str, Iterable[str]]) -> None:
        self.shares = parse_faults(text)
        self._random = random.Random(seed)  # noqa: S311 - repeatable test data, no secret
        self._reads = reads
        self._aimed = {reference_id: deque(names) for reference_id, names in aimed.items()}
        check_names(name for names in self._aimed.values() for name in names)

    def pick(self, reference_ids: Iterable[str], *, write: bool) -> str | None:
        if not (write or self._reads):
            return None
        for reference_id in reference_ids if self._aimed else ():
            queue = self._aimed.get(reference_id)
            if queue:
                return queue.popleft()
        if not self.shares:
            return None
        drawn = self._random.random()
        for name, share in self.shares.items():
            if drawn < share:
                return name
            drawn -= share
        return None
