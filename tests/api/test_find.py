"""Lookups against a server that filters well, badly, or not at all."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from importer.api import AnswerKind, CustomerRef, NoListError
from importer.errors import ApiUnavailableError, KeyRefusedError
from tests.api.server import Seen, http, http_json, raw_server
from tests.api.support import make_client

pytestmark = pytest.mark.anyio


def customer(number: int, reference: str | None, status: str = "active", created: str = "2025-01-01T00:00:00Z") -> dict:
    return {"id": f"id-{number}", "reference_id": reference, "name": "N", "status": status, "created_at": created}


@dataclass
class Directory:
    """A list of customers behind the API's query parameters. ``splits``: how the filter splits ``reference_ids``."""

    customers: list[dict]
    page_cap: int = 100
    filters: bool = True
    sorts: bool = False
    paged: bool = True
    splits: Callable[[str], list[str]] = lambda text: text.split(",")
    seen: list[Seen] = field(default_factory=list)

    async def respond(self, seen: Seen, writer) -> bytes:
        self.seen.append(seen)
        query = seen.query
        items = [item for item in self.customers if item["status"] == query.get("status", "active")]
        if self.filters and "reference_ids" in query:
            items = [item for item in items if item["reference_id"] in self.splits(query["reference_ids"])]
        if after := query.get("created_after"):
            items = [item for item in items if item["created_at"] > after]
        if self.sorts:
            items.sort(key=lambda item: item["created_at"], reverse=query.get("sort", "desc") == "desc")
        if not self.paged:
            return http_json(200, items)
        page, size = int(query["page"]), min(int(query["page_size"]), self.page_cap)
        part = items[(page - 1) * size : page * size]
        pages = math.ceil(len(items) / size)
        following = page + 1 if page < pages else None
        pagination = {"total_pages": pages, "current_page": page, "next_page": following, "total_records": len(items)}
        return http_json(200, {"data": part, "pagination": pagination})


async def find(directory: Directory, ids, **options) -> dict[str, list[str]]:
    async with raw_server(directory.respond) as server, make_client(server.url) as client:
        found = await client.find(ids, **options)
    assert list(found) == list(dict.fromkeys(ids))
    return {reference: [ref.id for ref in refs] for reference, refs in found.items()}


async def test_match_has_id_name_status_and_update_time() -> None:
    item = customer(1, "A") | {"updated_at": "2025-02-01T10:00:00.123456789+02:00"}
    item |= {"display_id": "WC_7"}
    async with raw_server(Directory([item]).respond) as server, make_client(server.url) as client:
        found = await client.find(["A"])
    updated = datetime(2025, 2, 1, 8, 0, 0, 123456, tzinfo=UTC)
    assert found == {"A": [CustomerRef("id-1", "A", "N", "active", updated, "", "WC_7")]}


async def test_active_inactive_absent_and_duplicate_customers_are_found() -> None:
    directory = Directory(
        [customer(1, "A"), customer(2, "B", "inactive"), customer(3, "D"), customer(4, "D", "inactive")]
    )
    assert await find(directory, ["A", "B", "C", "D"]) == {"A": ["id-1"], "B": ["id-2"], "C": [], "D": ["id-3", "id-4"]}
    assert len(directory.seen) == 2


async def test_no_requests_are_sent_without_ids() -> None:
    directory = Directory([])
    assert await find(directory, []) == {}
    assert await find(directory, [""]) == {"": []}
    assert directory.seen == []


async def test_lookup_groups_are_limited_by_count_and_url_length() -> None:
    directory = Directory([customer(number, f"C-{number}") for number in range(0, 1000, 2)])
    long_ids = [f"{'x' * 240}{number}" for number in range(60)]
    awkward = [f"{'/' * 100}{number}".lstrip() for number in range(40)]
    ids = [f"C-{number}" for number in range(1000)]
    found = await find(directory, [*ids, *long_ids, *[f"a{text}" for text in awkward]])
    assert all(
        found[reference] == ([f"id-{reference[2:]}"] if int(reference[2:]) % 2 == 0 else []) for reference in ids
    )
    assert max(len(seen.target) for seen in directory.seen) < 6000
    assert max(len(seen.query["reference_ids"].split(",")) for seen in directory.seen) == 100
    assert len(directory.seen) < 2 * (11 + 60 // 20 + 40 // 15 + 3)


@pytest.mark.parametrize(
    "reference",
    ["a+b", "a&b=c", "a/b", "a#b", "50%", "a b", "ä-ö", "a;b", "x'y", '"q"', "a\\b", "a*", "100%25", "a%2Cb"],
)
async def test_ids_reach_the_server_unchanged(reference) -> None:
    assert await find(Directory([customer(1, reference)]), [reference]) == {reference: ["id-1"]}


async def test_ignored_filter_is_not_trusted() -> None:
    directory = Directory([customer(number, f"C-{number}") for number in range(250)], filters=False)
    assert await find(directory, ["C-249", "C-3", "absent"]) == {"C-249": ["id-249"], "C-3": ["id-3"], "absent": []}


async def test_filter_that_ignores_case_or_matches_parts_is_not_trusted() -> None:
    directory = Directory([customer(1, "abc"), customer(2, "ABC-1"), customer(3, None)], filters=False)
    assert await find(directory, ["ABC"]) == {"ABC": []}


@pytest.mark.parametrize("reference", ["A,B", " A", "A ", ",", "A,", "A,,B", "\tA", "*"])
async def test_ids_that_cannot_be_filtered_are_found_by_paging(reference) -> None:
    """The filter splits at commas and trims, so it finds nothing; the customer is on the list's third page."""
    others = [customer(number, f"C-{number}") for number in range(250)]
    directory = Directory(
        [*others, customer(999, reference), customer(1000, "A")],
        splits=lambda text: [part.strip(" \t*") for part in text.split(",")],
    )
    assert await find(directory, [reference, "gone,too"]) == {reference: ["id-999"], "gone,too": []}
    assert len(walks(directory)) == 3 + 1  # once for both IDs: three pages of active customers, one of inactive ones


async def test_odd_id_found_by_filter_needs_no_paging() -> None:
    directory = Directory([customer(1, "A,B")], splits=lambda text: [text])
    assert await find(directory, ["A,B"]) == {"A,B": ["id-1"]}
    assert all("reference_ids" in seen.query for seen in directory.seen)


async def test_odd_ids_are_never_combined_with_others() -> None:
    directory = Directory([customer(1, "A"), customer(2, "B")])
    assert await find(directory, ["A", "A,B", "B"]) == {"A": ["id-1"], "A,B": [], "B": ["id-2"]}


OLD = [customer(number, f"C-{number}", created=f"2024-01-01T00:{number // 60:02}:00Z") for number in range(500)]
NEW = customer(999, "A,B", created="2025-06-01T12:00:00Z")
SINCE = datetime(2025, 6, 1, 12, 0, 0, tzinfo=UTC)


def walks(directory: Directory) -> list[Seen]:
    return [seen for seen in directory.seen if "reference_ids" not in seen.query]


async def test_since_shortens_paging() -> None:
    directory = Directory([*OLD, NEW], sorts=True)
    assert await find(directory, ["A,B", "C,D"], since=SINCE) == {"A,B": ["id-999"], "C,D": []}
    assert len(walks(directory)) == 2  # the newest page of active customers is enough, and there are no inactive ones


@pytest.mark.parametrize(
    "old",
    [OLD, [one | {"created_at": "2024-01-01T00:00:00Z"} for one in OLD], [one | {"created_at": None} for one in OLD]],
    ids=["oldest first", "all at the same time", "without times"],
)
async def test_wrong_sort_order_is_not_trusted(old) -> None:
    assert await find(Directory([*old, NEW]), ["A,B"], since=SINCE) == {"A,B": ["id-999"]}


async def test_customer_that_moves_to_an_earlier_page_is_found() -> None:
    """A customer on the first page is deleted while the second page is requested."""
    directory = Directory([*OLD[:100], NEW, *OLD[100:]])

    async def respond(seen, writer):
        if seen.query["page"] == "2" and len(directory.customers) == 501:
            del directory.customers[5]
        return await directory.respond(seen, writer)

    async with raw_server(respond) as server, make_client(server.url) as client:
        assert [ref.id for ref in (await client.find(["A,B"]))["A,B"]] == ["id-999"]


async def test_customers_created_while_paging_hide_no_one() -> None:
    """More than a page is created between two requests; the second page then shows only new and known customers."""
    directory = Directory([*OLD[:300], NEW | {"created_at": "2024-01-01T00:00:00Z"}], sorts=True)

    async def respond(seen, writer):
        if seen.query["page"] == "2" and len(directory.customers) == 301:
            directory.customers += [customer(n, f"N-{n}", created="2026-01-01T00:00:00Z") for n in range(1000, 1150)]
        return await directory.respond(seen, writer)

    async with raw_server(respond) as server, make_client(server.url) as client:
        assert [ref.id for ref in (await client.find(["A,B"]))["A,B"]] == ["id-999"]


async def test_shrinking_list_does_not_prove_absence() -> None:
    directory = Directory(list(OLD))

    async def respond(seen, writer):
        if seen.query["page"] == "2":
            del directory.customers[5]
        return await directory.respond(seen, writer)

    async with raw_server(respond) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError, match="deleted"):
            await client.find(["A,B"])


async def test_many_odd_ids_are_found_in_one_walk() -> None:
    directory = Directory([customer(number, f"C,{number}") for number in range(0, 300, 2)])
    found = await find(directory, [f"C,{number}" for number in range(300)])
    assert all(found[f"C,{number}"] == ([] if number % 2 else [f"id-{number}"]) for number in range(300))
    assert len(directory.seen) == 2 + 1


@pytest.mark.parametrize("page_cap", [100, 7])
async def test_every_page_is_read(page_cap) -> None:
    directory = Directory([customer(number, "A") for number in range(150)], page_cap=page_cap)
    assert len((await find(directory, ["A"]))["A"]) == 150


async def test_plain_list_without_pages_is_read() -> None:
    directory = Directory([customer(1, "A"), customer(2, "B", "inactive")], paged=False)
    assert await find(directory, ["A", "B", "C"]) == {"A": ["id-1"], "B": ["id-2"], "C": []}


async def test_pages_without_pagination_data_are_read() -> None:
    async def respond(seen, writer):
        page = int(seen.query["page"])
        items = [customer(number, "A") for number in range(page * 10, page * 10 + 10)] if page <= 3 else []
        return http_json(200, {"data": items})

    async with raw_server(respond) as server, make_client(server.url) as client:
        assert len((await client.find(["A"]))["A"]) == 30


async def test_refused_group_is_split_in_half() -> None:
    inner = Directory([customer(number, f"C-{number}") for number in range(10)])

    async def respond(seen, writer):
        ids = seen.query.get("reference_ids", "").split(",")
        return http(414, b"") if len(ids) > 2 or "C-5" in ids else await inner.respond(seen, writer)

    async with raw_server(respond) as server, make_client(server.url) as client:
        found = await client.find([f"C-{number}" for number in range(10)])
    assert {reference: [ref.id for ref in refs] for reference, refs in found.items()} == {
        f"C-{number}": [f"id-{number}"] for number in range(10)
    }


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_ends_find(status) -> None:
    async def respond(seen, writer):
        return http_json(status, {"message": "no"})

    async with raw_server(respond) as server, make_client(server.url) as client:
        with pytest.raises(KeyRefusedError, match="no"):
            await client.find([f"C-{number}" for number in range(500)])


@pytest.mark.parametrize(
    "answer",
    [
        None,
        http(500, b""),
        http(200, b"<html>"),
        http(404, b""),
        http(400, b""),
        http(302, b"", "Location: /login"),
        http_json(200, {}),
        http_json(200, {"data": None}),
        http_json(200, {"data": ["A"]}),
        http_json(200, {"data": {"A": 1}}),
        http_json(200, {"data": [{"reference_id": "A"}]}),
        http_json(200, "A"),
    ],
)
async def test_unreadable_answer_is_not_absence(answer) -> None:
    async def respond(seen, writer):
        return answer

    async with raw_server(respond) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError):
            await client.find(["A"])


async def test_one_bad_page_is_not_absence() -> None:
    inner = Directory([customer(number, "A") for number in range(250)])

    async def respond(seen, writer):
        return http(502, b"") if seen.query["page"] == "3" else await inner.respond(seen, writer)

    async with raw_server(respond) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError):
            await client.find(["A"])


async def test_empty_list_may_be_null() -> None:
    async def respond(seen, writer):
        return http_json(200, {"data": None, "pagination": {"total_records": 0}})

    async with raw_server(respond) as server, make_client(server.url) as client:
        assert await client.find(["A"]) == {"A": []}


@pytest.mark.parametrize("fault", [None, http(500), http(200, b"<html>"), http_json(200, {"data": None})])
async def test_temporary_fault_is_retried(fault) -> None:
    inner = Directory([customer(1, "A")])
    count = 0

    async def respond(seen, writer):
        nonlocal count
        count += 1
        return fault if count % 2 else await inner.respond(seen, writer)

    async with raw_server(respond) as server, make_client(server.url) as client:
        assert [ref.id for ref in (await client.find(["A"]))["A"]] == ["id-1"]


@pytest.mark.parametrize("paged", [True, False])
async def test_all_customers_are_listed_unless_there_are_too_many(paged) -> None:
    people = [customer(number, f"C-{number}") for number in range(250)] + [customer(999, None, "inactive")]
    directory = Directory([{**one, "email": "x@example.com"} for one in people], paged=paged)
    async with raw_server(directory.respond) as server, make_client(server.url) as client:
        everyone = await client.customers(most_pages=5)
        assert everyone is not None
        assert [ref.reference_id for ref in everyone] == [*(f"C-{number}" for number in range(250)), ""]
        assert (everyone[-1].status, everyone[-1].email) == ("inactive", "x@example.com")
        asked = len(directory.seen)
        assert await client.customers(most_pages=2 if paged else 1) is None
        assert len(directory.seen) == asked + 1, "the first page tells, or is all that may be read"


@pytest.mark.parametrize("shape", ["bare", "data", "paged"])
async def test_sales_reps_price_lists_and_attributes_are_listed(shape) -> None:
    async def respond(seen, writer):
        items = [{"id": f"{seen.path}-{number}", "name": "x"} for number in range(150)]
        if shape == "bare":
            return http_json(200, items)
        if shape == "data":
            return http_json(200, {"data": items})
        page = int(seen.query["page"])
        return http_json(200, {"data": items[(page - 1) * 100 : page * 100], "pagination": {"total_pages": 2}})

    async with raw_server(respond) as server, make_client(server.url) as client:
        lists = [await client.sales_reps(), await client.price_lists(), await client.attributes("address")]
    assert [(items[0]["id"], len(items)) for items in lists] == [
        ("/v1/sales-reps-0", 150),
        ("/v1/price-lists-0", 150),
        ("/v1/attributes-0", 150),
    ]
    assert server.requests[-1].query["entity"] == "address"


async def test_customer_with_odd_id_is_found_and_refused_later() -> None:
    directory = Directory([customer(1, "A") | {"id": "a/b?"}, customer(2, "B")])
    async with raw_server(directory.respond) as server, make_client(server.url) as client:
        found = await client.find(["A", "B"])
        answer = await client.get(found["A"][0].id)
    assert [found[name][0].id for name in "AB"] == ["a/b?", "id-2"]
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "odd_id")


@pytest.mark.parametrize("kind", ["addresses", "contacts"])
@pytest.mark.parametrize("paged", [True, False])
@pytest.mark.parametrize("filters", [True, False])
async def test_all_children_are_listed_once(kind, paged, filters) -> None:
    children = [{"id": f"id-{number}", "status": "active"} for number in range(150)]
    children += [{"id": "id-x", "status": "inactive"}, {"id": "id-y", "status": "inactive"}]

    async def respond(seen, writer):
        status = seen.query.get("status", "active")
        items = [child for child in children if child["status"] == status] if filters else children
        if not paged:
            return http_json(200, items)
        page = int(seen.query["page"])
        part = items[(page - 1) * 100 : page * 100]
        return http_json(200, {"data": part, "pagination": {"total_pages": math.ceil(len(items) / 100)}})

    async with raw_server(respond) as server, make_client(server.url) as client:
        found = await client.children("id-1", kind)
    assert [child["id"] for child in found] == [child["id"] for child in children]
    assert {seen.path for seen in server.requests} == {f"/v1/customers/id-1/{kind}"}


@pytest.mark.parametrize("status", [404, 405])
async def test_api_without_child_lists_is_detected(status) -> None:
    async def respond(seen, writer):
        return http(status)

    async with raw_server(respond) as server, make_client(server.url) as client:
        with pytest.raises(NoListError, match=f"HTTP {status}"):
            await client.children("id-1", "contacts")
        assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [None, http(500), http(200, b"<html>"), http_json(200, {"data": {"id": "x"}})])
async def test_unreadable_children_are_not_an_empty_list(answer) -> None:
    async def respond(seen, writer):
        return answer

    async with raw_server(respond) as server, make_client(server.url) as client:
        with pytest.raises(ApiUnavailableError) as caught:
            await client.children("id-1", "contacts")
    assert not isinstance(caught.value, NoListError)
