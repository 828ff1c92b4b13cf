"""The options of a sandbox."""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import anyio
from pydantic import Field, NonNegativeFloat, TypeAdapter
from pydantic.dataclasses import dataclass as pydantic_dataclass
from starlette.convertors import StringConvertor, register_url_convertor

from importer.sandbox.faults import check_names, parse_faults


@dataclass(frozen=True)
class Clock:
    """``wall``: seconds since 1970, for time stamps and lists. ``ticks``: seconds that never go back, for the rate."""

    wall: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = anyio.sleep


def stamp(micros: int) -> str:
    """Microseconds since 1970 as the API writes times. All texts have the same length, so they sort like the times."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


IN_PATH = "sandbox_id"
"""The name of the convertor that finds an id in a path, odd ones with their slash included."""
_END = "/1"


def new_id(*, odd: bool) -> str:
    """A unique ID; an ``odd`` ID contains a space and a slash."""
    return f"odd {uuid.uuid4()}{_END}" if odd else str(uuid.uuid4())


class _IdConvertor(StringConvertor):
    regex = f"[^/]+(?:{_END})?"


register_url_convertor(IN_PATH, _IdConvertor())

_TERMS = ("payment_term", "payment_mode", "freight_term", "shipping_method")


@pydantic_dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """Options of a sandbox. With the defaults, it is a quick and well-behaved API. Invalid values raise ValueError.

    *Access*: ``keys``: the accepted API keys; empty means any non-empty key. ``max_body``, ``max_target``: the most
    bytes in a body and in a request's path with its query. ``rate``: requests accepted in any one second.
    ``rate_headers``, ``retry_after``: what responses say about the rate.

    *Data*: ``data``: the SQLite file that keeps the customers; None keeps them in memory. ``fixtures``: a JSON file
    with ``sales_reps``, ``price_lists``, and ``attributes`` in place of the invented ones. ``known_terms``: field (such
    as ``payment_term``) → the values that it accepts; other fields accept any value. ``require_mandatory``: whether a
    customer or child without a mandatory attribute is refused.

    *Time*: ``latency``, ``slow_seconds``, ``list_lag``: seconds.

    *Faults*: ``faults``: a plan as :func:`importer.sandbox.parse_faults` reads it, assigned by a generator seeded with
    ``seed`` to writes and, with ``fault_reads``, to reads. ``aimed``: reference ID (of a customer or a child) → the
    faults of its next requests, one each.

    *What is not documented*: ``duplicates``, ``child_duplicates``: what happens to a second POST with a known reference
    ID, for children within their customer. ``patch_children``: whether a PATCH keeps the children and attributes that
    it leaves out. ``delete``: whether DELETE leaves an inactive customer or child. ``bare_lists``: lists other than
    that of customers have no pages. ``child_endpoints``: whether the paths of addresses and contacts exist; if not, the
    response is ``missing_status``. ``child_lists``: which children are listed without a ``status``.
    ``fresh_children``: whether GET of a customer shows an added child at once or after ``list_lag``.
    ``default_siblings``: whether its siblings (for addresses, those of its type) stay defaults if a child becomes the
    default. ``touch_customer``: whether a change of a child changes its customer's ``updated_at``.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    data: Path | None = None
    rate: Annotated[int, Field(ge=1)] | None = None
    rate_headers: bool = False
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    latency: NonNegativeFloat = 0.0
    faults: str = ""
    seed: int = 0
    fault_reads: bool = False
    aimed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    slow_seconds: NonNegativeFloat = 60.0
    list_lag: NonNegativeFloat = 0.0
    duplicates: Literal["refuse", "allow"] = "refuse"
    child_duplicates: Literal["refuse", "allow"] = "refuse"
    patch_children: Literal["merge", "replace"] = "merge"
    delete: Literal["remove", "deactivate"] = "remove"
    bare_lists: bool = False
    child_endpoints: bool = True
    missing_status: Literal[404, 405] = 404
    child_lists: Literal["active", "all"] = "active"
    fresh_children: bool = True
    default_siblings: Literal["clear", "keep"] = "clear"
    touch_customer: bool = True
    fixtures: Path | None = None
    known_terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    require_mandatory: bool = False
    max_body: int = 5_000_000
    max_target: int = 16_384

    def __post_init__(self) -> None:
        parse_faults(self.faults)
        for names in self.aimed.values():
            check_names(names)
        for name in self.known_terms:
            if name not in _TERMS:
                raise ValueError(f"known_terms has {name!r}; it can have {', '.join(_TERMS)}")
        if not all(self.keys):
            raise ValueError("an API key is empty")

    def to_json(self) -> bytes:
        """Everything, keys included, as JSON: only for a pipe to a child process."""
        return TypeAdapter(type(self)).dump_json(self)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        return TypeAdapter(cls).validate_json(text)
