"""Lists: checking their query parameters, filtering, sorting, and paging."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from importer.sandbox.checks import Detail
from importer.sandbox.customer_store import CustomerStore, Row
from importer.sandbox.responses import RefusedRequest

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
_Item = TypeVar("_Item")
STATUSES = ("active", "inactive")
SORTS = ("asc", "desc")
_CUSTOMER_SORTS: Mapping[str, Callable[[Row], Any]] = {
    "created_at": lambda row: (row.created, row.number),
    "updated_at": lambda row: (row.updated, row.number),
    "company_name": lambda row: (row.name, row.number),
    "display_name": lambda row: (row.display_name, row.number),
}


@dataclass(frozen=True)
class CustomerQuery:
    """The query of a list of customers, without its page. Times are exclusive bounds in microseconds since 1970."""

    reference_ids: tuple[str, ...] | None
    active: bool
    descending: bool
    sort_by: str
    created: tuple[float, float]
    updated: tuple[float, float]


def read_query(
    given: Mapping[str, str], choices: Mapping[str, Sequence[str]], free: Sequence[str] = ()
) -> tuple[int, int]:
    """Check ``page``, ``page_size``, parameters with ``choices``, and ``free`` ones. Returns page and page size.

    Raises Refusal 400 that names every invalid parameter.
    """
    details: list[Detail] = []
    page = _number(given, "page", 1, None, details)
    page_size = _number(given, "page_size", PAGE_SIZE, MAX_PAGE_SIZE, details)
    for name, value in given.items():
        if name in choices and value not in choices[name]:
            details.append({"field": name, "reason": f"must be {' or '.join(choices[name])}"})
        elif name not in choices and name not in free and name not in ("page", "page_size"):
            details.append({"field": name, "reason": "is not a known parameter"})
    if details:
        raise RefusedRequest(400, "invalid_request", "The query is invalid.", details)
    return page, page_size


def _number(given: Mapping[str, str], name: str, default: int, limit: int | None, details: list[Detail]) -> int:
    text = given.get(name)
    if text is None:
        return default
    digits = text.isascii() and text.isdecimal() and len(text) < 10
    if not digits or int(text) < 1 or (limit is not None and int(text) > limit):
        most = "" if limit is None else f" and at most {limit}"
        details.append({"field": name, "reason": f"must be a whole number, at least 1{most}"})
        return default
    return int(text)


def read_customer_query(given: Mapping[str, str]) -> tuple[CustomerQuery, int, int]:
    """The query of a list of customers, its page, and its page size. Raises Refusal 400 that says what is wrong."""
    choices = {"status": STATUSES, "sort": SORTS, "sort_by": tuple(_CUSTOMER_SORTS)}
    times = ("created_after", "created_before", "updated_after", "updated_before")
    page, page_size = read_query(given, choices, ("reference_ids", *times))
    bounds = {name: _micros(name, given[name]) for name in times if name in given}
    query = CustomerQuery(
        reference_ids=tuple(given["reference_ids"].split(",")) if "reference_ids" in given else None,
        active=given.get("status", "active") == "active",
        descending=given.get("sort", "desc") == "desc",
        sort_by=given.get("sort_by", "updated_at"),
        created=(bounds.get("created_after", float("-inf")), bounds.get("created_before", float("inf"))),
        updated=(bounds.get("updated_after", float("-inf")), bounds.get("updated_before", float("inf"))),
    )
    return query, page, page_size


def _micros(name: str, text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        detail = {"field": name, "reason": "must be a date and time with its offset, such as 2025-01-31T00:00:00Z"}
        raise RefusedRequest(400, "invalid_request", "The query is invalid.", [detail])
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000


def page_of(items: Sequence[_Item], page: int, page_size: int) -> tuple[Sequence[_Item], dict[str, int]]:
    """One page and its pagination; the next or previous page is 0 if there is none."""
    pages = -(-len(items) // page_size)
    start = (page - 1) * page_size
    pagination = {
        "total_records": len(items),
        "total_pages": pages,
        "current_page": page,
        "next_page": page + 1 if page < pages else 0,
        "prev_page": min(page - 1, pages),
        "page_size": page_size,
    }
    return items[start : start + page_size], pagination


class Lister:
    """Lists of a store's customers. The last long list is kept, so that it is sorted only once for all pages."""

    def __init__(self, store: CustomerStore, lag: float) -> None:
        self._store = store
        self._lag = lag * 1_000_000
        self._kept: tuple[object, list[Row]] = (None, [])

    def select(self, query: CustomerQuery, *, now: int) -> list[Row]:
        """The matching rows, in order, except those created less than the lag before ``now`` (microseconds)."""
        if query.reference_ids is not None:
            return self._sorted(self._store.with_reference_ids(query.reference_ids), query, now)
        if self._lag:
            return self._sorted(self._store, query, now)
        key = (query, self._store.version)
        if self._kept[0] != key:
            self._kept = (key, self._sorted(self._store, query, now))
        return self._kept[1]

    def _sorted(self, rows: Iterable[Row], query: CustomerQuery, now: int) -> list[Row]:
        seen_until = now - self._lag
        fitting = (
            row
            for row in rows
            if row.active is query.active
            and row.created <= seen_until
            and query.created[0] < row.created < query.created[1]
            and query.updated[0] < row.updated < query.updated[1]
        )
        return sorted(fitting, key=_CUSTOMER_SORTS[query.sort_by], reverse=query.descending)
