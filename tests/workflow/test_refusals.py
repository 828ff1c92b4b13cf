"""Every reason for a refusal is shown at its cell, in all reports."""

import json
import re

from importer.ledger import LedgerStep, State, open_ledger
from importer.records import OutcomeKind
from tests.workflow.strict_api import strict_api

MAPPING = """\
title: Refused
key: Id
customer:
  company_name: Name
  attributes:
    Area: Region
    Route: Tour
addresses:
  - {type: {constant: billing}, address_line_1: Street, city: Town}
  - {type: {constant: shipping}, address_line_1: Ship street, city: Ship town, zip_code: Zip}
contacts:
  - {first_name: Buyer, email: Mail}
"""
HEADER = "Id,Name,Region,Tour,Street,Town,Ship street,Ship town,Zip,Buyer,Mail"
ROW = "C1,Harbor Goods,,North 7,1 Main Street,Anytown,2 Dock Road,Portville,00000,Dana,dana@example.com"
AIMED = {
    "addresses[1].zip_code": ("Zip", "00000"),
    "contacts[0].email": ("Mail", "dana@example.com"),
    "attributes[0].value": ("Tour", "North 7"),
    "name": ("Name", "Harbor Goods"),
    "addresses[1].planet": (None, None),
    "addresses[7].city": (None, None),
    "loyalty": (None, None),
}


def test_refusal_reasons_are_shown_at_their_cells_in_all_reports(desk) -> None:
    desk.write("mine.yaml", MAPPING)
    desk.write("list.csv", f"{HEADER}\n{ROW}\n")
    reasons = {field: f"reason {number}" for number, field in enumerate(AIMED)}
    with strict_api(aimed={"C1": list(reasons.items())}) as api:
        said = desk.run(api.url, "list.csv", "-m", "mine.yaml")
    assert said.summary["refused"] == 1
    lines = [line for line in said.table("errors.csv") if line["code"] == "api_refused"]
    found = {line["message"].rpartition(": ")[2]: line for line in lines}
    for field, (column, value) in AIMED.items():
        line = found[reasons[field]]
        assert (line["column"] or None, line["value"] or None) == (column, value), field
        assert (line["source"], line["row"], line["reference_id"]) == ("list.csv", "2", "C1")
        assert line["hint"].startswith("Fix the cell" if column else "WizCommerce did not say which cell")
    (given_back,) = said.table("rejected/list.csv")
    assert all(reason in given_back["import_errors"] for reason in reasons.values())
    page = (said.folder / "report.html").read_text(encoding="utf-8")
    embedded = re.search(r'id="embedded">(.*?)</script>', page, re.DOTALL)
    assert embedded
    ((*_, problems, _, _, _, _, _),) = json.loads(embedded[1])["customers"]
    shown = {problem[5].rpartition(": ")[2]: (problem[3] or None, problem[4] or None) for problem in problems}
    assert shown == {reasons[field]: place for field, place in AIMED.items()}
    assert "Failed customers by API response" in page
    assert "validation_failed" in page


def test_4xx_unrelated_to_a_customer_is_not_a_refusal(desk, box) -> None:
    """The failures are written into the ledger, because a real API would have to fail for minutes."""
    statuses = [408, 425, 429, 422]
    said = desk.run(box.url, *desk.small(len(statuses)))
    run_id = said.summary["run_id"]
    with open_ledger(desk.state / "importer" / "ledger.db") as ledger:
        ledger.record(
            ledger.run(run_id),
            [
                LedgerStep(at, f"C{at}", State.ABSENT, OutcomeKind.FAILED, 5, http_status=status, refusals="[]")
                for at, status in enumerate(statuses)
            ],
        )
    summary = desk.do("report", run_id, "--json").summary
    assert (summary["retryable"], summary["refused"]) == (3, 1)
