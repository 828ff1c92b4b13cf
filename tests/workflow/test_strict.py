"""The samples and an API that knows only the document: what is accepted and refused, and what the reports say."""

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.samples import netsuite, sap_business_one, xero
from tests.samples.dirt import Planted, Sample
from tests.workflow.desk import SAMPLES, Said, make_desk, read_table
from tests.workflow.strict_api import StrictApi, strict_api

MAKERS = {"xero": xero.make, "netsuite": netsuite.make, "sap-business-one": sap_business_one.make}
WORDS = {name: (SAMPLES / name, "-m", name, "--country", "US") for name in MAKERS}
KEYS = {"contacts.csv": "*ContactName", "customers.csv": "Internal ID", "BusinessPartners.csv": "CardCode"}
RIGHT = {
    "phone": "+1 415 555 0123",
    "email": "mended@example.com",
    "city_too_long": "Anytown",
    "city_missing": "Anytown",
    "country_unknown": "United States",
    "company_name_missing": "Mended {} Ltd",
}
RANGE = re.compile(r"(?P<first>\d+)(?:-(?P<last>\d+))?")


def row_outcomes(said: Said) -> dict[tuple[str, int], list[str]]:
    """(file, row) → the outcomes of its customers according to ``results.csv``."""
    found: dict[tuple[str, int], list[str]] = {}
    for line in said.table("results.csv"):
        for place in re.split(r"[;\s]+", line["rows"]):
            file, _, numbers = place.rpartition(":")
            for part in RANGE.finditer(numbers):
                for row in range(int(part["first"]), int(part["last"] or part["first"]) + 1):
                    found.setdefault((file or line["source"], row), []).append(line["outcome"])
    return found


@dataclass(frozen=True)
class Arrived:
    """A sample that was sent once: the command's result, and the API."""

    sample: Sample
    said: Said
    api: StrictApi


@pytest.fixture(scope="module", params=MAKERS)
def arrived(request, tmp_path_factory) -> Arrived:
    desk = make_desk(tmp_path_factory.mktemp(request.param))
    with strict_api() as api:
        said = desk.run(api.url, *WORDS[request.param])
    return Arrived(MAKERS[request.param](), said, api)


def test_strict_api_accepts_every_body(arrived) -> None:
    api, said = arrived.api, arrived.said
    assert api.broken == []
    assert set(api.statuses) == {200, 201}
    results = said.table("results.csv")
    created = {line["reference_id"]: line["customer_id"] for line in results if line["outcome"] == "created"}
    assert created == {reference_id: held["id"] for reference_id, held in api.customers.items()}
    assert {line["outcome"] for line in results} == {"created", "rejected"}
    bodies = (said.folder / "payloads.jsonl").read_bytes().splitlines()
    assert {json.loads(body)["reference_id"]: body for body in bodies} == api.bodies
    assert len(bodies) == len(created) > 100


def test_every_row_has_one_status_and_totals_add_up(arrived) -> None:
    sample, said = arrived.sample, arrived.said
    rows, customers = said.summary["rows"], said.summary["customers"]
    assert rows["read"] == sum(sample.rows.values())
    assert rows["read"] == rows["used"] + rows["skipped"] + rows["rejected"]
    assert rows["skipped"] == sum(rows["skipped_by_reason"].values())
    assert customers["read"] == sum(count for kind, count in customers.items() if kind != "read")
    found = row_outcomes(said)
    assert {place: outcomes for place, outcomes in found.items() if len(outcomes) > 1} == {}
    counts = Counter(outcomes[0] for outcomes in found.values())
    assert counts["created"] == rows["used"]
    assert counts["rejected"] + rows["rejected_alone"] == rows["rejected"]
    given_back = [read_table(path) for path in (said.folder / "rejected").glob("*.csv")]
    assert sum(map(len, given_back)) == rows["rejected"]


@pytest.mark.parametrize("arrived", ["sap-business-one"], indirect=True)
def test_same_input_gives_the_same_files_with_any_concurrency(arrived, desk, api) -> None:
    said = desk.run(api.url, *WORDS[arrived.sample.system], "--concurrency", 1, "--batch-size", 7)
    one, many = (
        {file.relative_to(folder): file.read_bytes() for file in comparable(folder)}
        for folder in (said.folder, arrived.said.folder)
    )
    assert one == many
    assert {Path("payloads.jsonl"), Path("errors.csv")} < set(one)


def comparable(folder: Path) -> list[Path]:
    return [folder / "payloads.jsonl", folder / "errors.csv", *sorted((folder / "rejected").glob("*.csv"))]


@pytest.mark.parametrize("arrived", ["netsuite"], indirect=True)
def test_refusal_is_at_its_cell_and_the_customer_rows_are_returned(arrived, desk) -> None:
    """Each NetSuite row has one address, so a customer's second address is in another row."""
    chosen = next(body for body in map(json.loads, arrived.api.bodies.values()) if len(body.get("addresses", [])) > 1)
    wanted = chosen["reference_id"]
    zip_code = chosen["addresses"][1]["zip_code"]
    aimed = {wanted: [("addresses[1].zip_code", "no such place"), ("", "and besides"), ("addresses[9].city", "odd")]}
    with strict_api(aimed=aimed) as api:
        said = desk.run(api.url, *WORDS["netsuite"])
    assert said.code == 1
    assert said.summary["customers"]["failed"] == said.summary["refused"] == 1
    assert wanted not in api.customers
    (line,) = [line for line in said.table("results.csv") if line["outcome"] == "failed"]
    assert (line["reference_id"], line["http_status"], line["attempts"]) == (wanted, "422", "1")
    source = dict(enumerate(csv.reader(io.StringIO(netsuite_text(), newline="")), start=1))
    header = source[5]
    problems = [line for line in said.table("errors.csv") if line["code"] == "api_refused"]
    (cell,) = [problem for problem in problems if problem["field"]]
    loose = [problem for problem in problems if not problem["field"]]
    row = source[int(cell["row"])]
    assert (cell["reference_id"], cell["field"], cell["value"]) == (wanted, "zip_code", zip_code)
    assert row[header.index(cell["column"])] == zip_code
    assert row[header.index("Internal ID")].strip() == wanted
    assert "no such place" in cell["message"]
    assert {problem["reference_id"] for problem in loose} == {wanted}
    assert sorted(problem["message"].rpartition(": ")[2] for problem in loose) == ["and besides", "odd"]
    mine = [row for number, row in source.items() if number > 5 and row and row[0].strip() == wanted]
    given_back = [row for row in said.table("rejected/customers.csv") if row["Internal ID"].strip() == wanted]
    assert len(given_back) == len(mine) > 1
    before = [row for row in arrived.said.table("rejected/customers.csv") if row["Internal ID"].strip() == wanted]
    assert before == []


def netsuite_text() -> str:
    return (SAMPLES / "netsuite" / "customers.csv").read_text(encoding="cp1252")


def test_fixed_rows_are_accepted_and_nothing_else_is_sent(arrived, desk, api) -> None:
    """Orphans are left out; everything else is fixed where the report says that it is wrong."""
    sample, folder = arrived.sample, arrived.said.folder / "rejected"
    rejected = {line["reference_id"] for line in arrived.said.table("results.csv") if line["outcome"] == "rejected"}
    concerned = [dirt for dirt in sample.planted if dirt.harmful and (dirt.customer in rejected or is_loose(dirt))]
    for path in folder.glob("*.csv"):
        fix_rows([dirt for dirt in concerned if dirt.file == path.name], path, desk.path / path.name)
    said = desk.run(api.url, desk.path, *WORDS[sample.system][1:])
    assert said.summary["customers"]["rejected"] == 0, [line["message"] for line in said.table("errors.csv")]
    assert said.code == 0
    assert api.broken == []
    assert rejected <= api.bodies.keys()
    named = sum(not dirt.customer for dirt in concerned)
    assert len(api.bodies) == said.summary["customers"]["created"] == len(rejected) + named


def is_loose(dirt: Planted) -> bool:
    """Whether a row belongs to no customer."""
    return not dirt.customer or dirt.code == "orphan"


def fix_rows(planted: list[Planted], rejected: Path, fixed: Path) -> None:
    """Fix rows as a user would: wrong cells get the value of the customer's other rows, or another right value."""
    rows = read_table(rejected)
    key = KEYS.get(rejected.name, "ParentKey")
    assert all(row["import_errors"] for row in rows)
    for number, dirt in enumerate(planted):
        mine = [row for row in rows if row[key].strip() == dirt.customer]
        column = dirt.column or "Company Name"
        # A cell that a spreadsheet would run as a formula has a marker there.
        wrong = [row for row in mine if row[column].removeprefix("'") == dirt.value] if dirt.column else mine
        assert wrong, dirt
        if dirt.code == "orphan":
            rows = [row for row in rows if row not in wrong]
            continue
        others = [row[column] for row in mine if row[column].strip(" '") not in {"", dirt.value.strip()}]
        for row in wrong if dirt.customer else wrong[:1]:
            row[column] = others[0] if others and dirt.customer else RIGHT[dirt.code].format(number)
    with fixed.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
