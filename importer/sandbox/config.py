"""What a sandbox is told when it starts."""

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from importer.sandbox.faults import check_names, parse_faults

__all__ = ["SandboxConfig", "check_host"]

_CHOICES = {
    "duplicates": ("refuse", "allow"),
    "patch_children": ("merge", "replace"),
    "delete": ("remove", "deactivate"),
    "retry_after": ("seconds", "date", "none"),
}


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """Options of a sandbox; the defaults are a quick and well-behaved API. Wrong values raise ValueError.

    ``keys``: the accepted API keys; empty means any non-empty key. ``data``: the SQLite file that keeps the customers;
    None keeps them in memory. ``rate``: requests accepted in any one second. ``rate_headers``, ``retry_after``: what
    answers say about it. ``latency``, ``slow_seconds``, ``list_lag``: seconds. ``faults``: a plan as
    :func:`importer.sandbox.parse_faults` reads it, dealt out by a generator seeded with ``seed`` to writes and, with
    ``fault_reads``, to reads. ``aimed``: reference id to the faults that its next requests meet, one each.
    ``duplicates``: what becomes of a second POST with a known reference id. ``patch_children``: whether a PATCH keeps
    the children and attributes that it leaves out. ``delete``: whether DELETE leaves an inactive customer.
    ``bare_lists``: reps, price lists and attributes come as lists without pages. ``fixtures``: a JSON file with
    ``sales_reps``, ``price_lists``, ``attributes`` in place of the invented ones. ``max_body``, ``max_target``: bytes
    of a body and of a request's path with its query.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    data: Path | None = None
    rate: int | None = None
    rate_headers: bool = False
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    latency: float = 0.0
    faults: str = ""
    seed: int = 0
    fault_reads: bool = False
    aimed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    slow_seconds: float = 60.0
    list_lag: float = 0.0
    duplicates: Literal["refuse", "allow"] = "refuse"
    patch_children: Literal["merge", "replace"] = "merge"
    delete: Literal["remove", "deactivate"] = "remove"
    bare_lists: bool = False
    fixtures: Path | None = None
    max_body: int = 5_000_000
    max_target: int = 16_384

    def __post_init__(self) -> None:
        parse_faults(self.faults)
        for names in self.aimed.values():
            check_names(names)
        for option, choices in _CHOICES.items():
            if getattr(self, option) not in choices:
                raise ValueError(f"{option} is {getattr(self, option)!r}; it can be {' or '.join(choices)}")
        if self.rate is not None and self.rate < 1:
            raise ValueError(f"rate is {self.rate}; it is a number of requests a second, 1 or more")
        for option in ("latency", "slow_seconds", "list_lag"):
            if not getattr(self, option) >= 0:
                raise ValueError(f"{option} is {getattr(self, option)}; it is a number of seconds, 0 or more")
        if not all(self.keys):
            raise ValueError("an API key is empty")

    def to_json(self) -> dict[str, Any]:
        """Everything, keys included, as JSON values: only for a pipe to a child process."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The config that :meth:`to_json` wrote."""
        paths = {name: Path(values[name]) for name in ("data", "fixtures") if values[name] is not None}
        aimed = {reference_id: tuple(names) for reference_id, names in values["aimed"].items()}
        return cls(**{**values, **paths, "keys": tuple(values["keys"]), "aimed": aimed})


def check_host(host: str) -> None:
    """Raise ValueError unless ``host`` is this machine's loopback: the sandbox must not be open to others."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(f"the sandbox serves this machine only: {host} is no loopback address, 127.0.0.1 is one")
