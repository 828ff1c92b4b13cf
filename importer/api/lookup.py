"""Looking things up in the API's lists: customers by reference id, sales reps, price lists, attributes.

A filter is never trusted: what counts is the ``reference_id`` that the answer itself carries. A page that cannot be
read is an error, never an absence, because absent customers get created.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote

import anyio

from importer.api.answers import AnswerKind, Reply, key_refused, list_items
from importer.errors import ApiUnavailableError

CUSTOMERS = "/v1/customers"
PAGE_SIZE = 100  # the API's maximum
GROUP_SIZE = 100
GROUP_CHARACTERS = 5_500  # of a group's IDs in the URL, which then stays below 6,000 in total
MOST_PAGES = 10_000
MOST_BYTES = 32 * 2**20  # of a list that is kept in memory
STATUSES = ("active", "inactive")  # one at a time; inactive customers are listed only when asked for
# Oldest first: a customer that is created in the meantime is added at the end and shifts nothing between pages.
ORDER: Final = {"sort_by": "created_at", "sort": "asc"}
# Newest first: recently created customers come first, and a customer that is created in the meantime moves others to
# later pages, where they are seen again. Only a deletion in the meantime could move one to a page that has already been
# read.
NEWEST: Final = {"sort_by": "created_at", "sort": "desc"}
MOST_WALKS = 5  # through a list that gets shorter while it is read
MOST_ALONE = 100  # IDs that are looked up one by one; if there are more, the whole list is paged through at once
TOO_ODD = frozenset({400, 413, 414, 422, 431})  # the API cannot take this filter; a smaller one may pass
# Ids that are safe to join with commas. Everything else may be split, trimmed or folded by the API.
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._:/#@()+&'=-]*[A-Za-z0-9._:/#@()+&'=-])?")

ListCall = Callable[[str, Mapping[str, str]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class CustomerRef:
    """A customer as a list shows it: its identity, not its content."""

    id: str
    reference_id: str
    name: str
    status: str
    updated_at: datetime | None = None
    email: str = ""
    display_id: str = ""


class NoListError(ApiUnavailableError):
    """The API answered, and has no such list."""


class _FilterRefusedError(NoListError):
    """The API refused a list because of its filter."""


@dataclass(frozen=True)
class _Page:
    """One page of a list: its number, the items that no page before had, and the size of the answer in bytes."""

    number: int
    items: list[dict[str, Any]]
    pagination: dict[str, Any]
    size: int

    @property
    def left(self) -> int:
        total = self.count("total_pages")
        following = self.pagination.get("next_page", not total) if self.items or total else None
        return max(total - self.number, int(bool(following)))

    def count(self, name: str) -> int:
        """A number from the pagination, ``total_pages`` or ``total_records``; 0 when it says nothing."""
        total = self.pagination.get(name)
        return total if isinstance(total, int) else 0


@dataclass
class _Search:
    """What was found so far, and the IDs that no filter could be used for."""

    call: ListCall
    since: datetime | None
    found: dict[str, dict[str, CustomerRef]]
    unasked: set[str] = field(default_factory=set)

    async def ask(self, ids: Sequence[str]) -> None:
        """Look up ``ids`` with one filter. A filter that the API refuses is halved; a single ID is left to paging."""
        try:
            for status in STATUSES:
                query = {"reference_ids": ",".join(ids), "status": status, **ORDER}
                async for page in _each_page(self.call, CUSTOMERS, query):
                    self._keep(page.items, set(ids))
        except _FilterRefusedError:
            if len(ids) == 1:
                self.unasked.update(ids)
                return
            middle = len(ids) // 2
            await self.ask(ids[:middle])
            await self.ask(ids[middle:])

    async def page_through(self, ids: set[str]) -> None:
        """Look for ``ids`` in the whole list, or in what was created since ``since``."""
        for status in STATUSES:
            for _ in range(MOST_WALKS):
                if await self._read_list(status, ids):
                    break
            else:
                raise ApiUnavailableError(
                    f"the list kept changing: customers were deleted during each of {MOST_WALKS} reads",
                    "Resume the run when no customers are being deleted.",
                )

    async def _read_list(self, status: str, wanted: set[str]) -> bool:
        """Read the list once, newest first; False if it got shorter in the meantime, so that one may have been missed.

        Reading ends early at a customer from before ``since`` if all customers so far were really in that order, and
        not all created at the same time: neither a filter by time nor the order is trusted.
        """
        total, in_order = 0, True
        latest: datetime | None = None
        earliest = datetime.max.replace(tzinfo=UTC)
        async with aclosing(_each_page(self.call, CUSTOMERS, {"status": status, **NEWEST})) as pages:
            async for page in pages:
                self._keep(page.items, wanted)
                before, total = total, page.count("total_records")
                if total < before:
                    return False
                moments = [_moment(item.get("created_at")) for item in page.items]
                known = [earliest, *(moment for moment in moments if moment is not None)]
                in_order = in_order and len(known) == len(moments) + 1 and all(a >= b for a, b in pairwise(known))
                latest, earliest = latest or known[:2][-1], known[-1]
                if in_order and self.since is not None and earliest < min(self.since, latest):
                    return True
        return True

    def _keep(self, items: Iterable[dict[str, Any]], wanted: set[str]) -> None:
        for item in items:
            reference = item.get("reference_id")
            if isinstance(reference, str) and reference in wanted:
                customer = _customer(item, reference)
                self.found[reference].setdefault(customer.id, customer)


async def find_customers(
    call: ListCall, reference_ids: Iterable[str], *, since: datetime | None, width: int
) -> dict[str, list[CustomerRef]]:
    """Every ID → the customers that have exactly this ID, whatever their status. ``width`` lists are read at a time.

    IDs are looked up in groups. Those that cannot be joined with commas are looked up one by one (unless there are
    many), and those not found that way by paging through the list (of customers created since ``since``) once.
    """
    search = _Search(call, since, {reference: {} for reference in reference_ids})
    plain = [reference for reference in search.found if fits_filter(reference)]
    # No customer has an empty reference id.
    odd = [reference for reference in search.found if reference and not fits_filter(reference)]
    alone = odd if len(odd) <= MOST_ALONE else []
    work = iter([*_groups(plain), *([reference] for reference in alone)])

    async def worker() -> None:
        for ids in work:
            await search.ask(ids)

    try:
        async with anyio.create_task_group() as group:
            for _ in range(width):
                group.start_soon(worker)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    missing = {reference for reference in odd if not search.found[reference]} | search.unasked
    if missing:
        await search.page_through(missing)
    return {reference: list(customers.values()) for reference, customers in search.found.items()}


def fits_filter(reference_id: str) -> bool:
    """Whether the API's filter takes this id together with others; any other costs a walk through the list."""
    return _PLAIN.fullmatch(reference_id) is not None


async def list_customers(call: ListCall, most_pages: int) -> list[CustomerRef] | None:
    """Every customer, active and inactive, of any reference id (``""`` for none); None if they are on more pages."""
    found: dict[str, CustomerRef] = {}
    asked = 0
    for status in STATUSES:
        async with aclosing(_each_page(call, CUSTOMERS, {"status": status, **ORDER})) as pages:
            async for page in pages:
                customers = [_customer(item, str(item.get("reference_id") or "")) for item in page.items]
                found |= {customer.id: customer for customer in customers}
                asked += 1
                if asked + page.left > most_pages:
                    return None
    return list(found.values())


async def read_list(call: ListCall, path: str, queries: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """All items of a list, paged or bare, that any of ``queries`` brings, each once."""
    items: dict[str, dict[str, Any]] = {}
    size = 0
    for query in queries:
        async for page in _each_page(call, path, query):
            size += page.size
            if size > MOST_BYTES:
                raise ApiUnavailableError(f"the list {path} is larger than {MOST_BYTES // 2**20} MB", "Check --api.")
            for item in page.items:
                items.setdefault(_identity(item), item)
    return list(items.values())


async def _each_page(call: ListCall, path: str, query: Mapping[str, str]) -> AsyncGenerator[_Page, None]:
    """Read page after page.

    A list without page counts is read until a page has nothing new, which also ends a list that ignores ``page``. With
    page counts, a page without anything new proves nothing: new customers may have moved known ones there.
    """
    seen: set[str] = set()
    for number in range(1, MOST_PAGES + 1):
        reply = await call(path, {**query, "page": str(number), "page_size": str(PAGE_SIZE)})
        items = _items(reply, path)
        fresh = {identity: item for item in items if (identity := _identity(item)) not in seen}
        seen |= fresh.keys()
        pagination = reply.payload.get("pagination") if isinstance(reply.payload, dict) else None
        page = _Page(number, list(fresh.values()), pagination if isinstance(pagination, dict) else {}, reply.size)
        yield page
        if not items or not page.left:
            return
    raise ApiUnavailableError(f"the list {path} does not end after {MOST_PAGES} pages")


def _items(reply: Reply, path: str) -> list[dict[str, Any]]:
    answer = reply.answer
    if answer.kind is AnswerKind.KEY_REFUSED:
        raise key_refused(answer)
    items = list_items(reply.payload) if answer.kind is AnswerKind.OK else None
    if items is not None:
        return items
    error = NoListError if answer.kind in (AnswerKind.REFUSED, AnswerKind.GONE) else ApiUnavailableError
    if answer.kind is AnswerKind.REFUSED and answer.status in TOO_ODD:
        error = _FilterRefusedError
    raise error(f"the API returned no list at {path}: {answer.message}", "Check --api, then try again.")


def _identity(item: dict[str, Any]) -> str:
    identifier = item.get("id")
    return identifier if isinstance(identifier, str) else repr(item)


def _customer(item: dict[str, Any], reference: str) -> CustomerRef:
    identifier = item.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise ApiUnavailableError("the list of customers has a customer without an ID", "Check --api, then try again.")
    name, status, email, display_id = (str(item.get(of) or "") for of in ("name", "status", "email", "display_id"))
    updated = _moment(item.get("updated_at"))
    return CustomerRef(identifier, reference, name, status, updated, email, display_id)


def _groups(ids: Sequence[str]) -> list[list[str]]:
    groups: list[list[str]] = []
    length = GROUP_CHARACTERS  # full: the first id begins a group
    for reference in ids:
        cost = len(quote(reference, safe="")) + 3  # the comma is sent as %2C
        length += cost
        if length > GROUP_CHARACTERS or len(groups[-1]) == GROUP_SIZE:
            groups.append([])
            length = cost
        groups[-1].append(reference)
    return groups


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
