"""``--mode upsert``, night after night, against a server that was not written for the importer."""

import csv
import io
from collections import Counter

import pytest

from tests.workflow.strict_api import strict_api

HEADER = ("Id", "Name", "Phone", "Mail", "Colour", "Place", "Street", "Town", "Person", "Contact")
MAPPING = """\
title: Nightly
key: Id
customer:
  company_name: Name
  phone: {from: Phone, optional: true}
  email: {from: Mail, optional: true}
  attributes: {Colour: Colour}
addresses:
  - type: {constant: billing}
    reference_id: Place
    optional: true
    address_line_1: Street
    city: Town
contacts:
  - first_name: Contact
    reference_id: Person
    optional: true
"""


def export(count: int) -> dict[str, dict[str, str]]:
    return {f"C{number}": row(number) for number in range(count)}


def row(number: int) -> dict[str, str]:
    cells = (
        f"C{number}",
        f"Company {number}",
        f"+1415555{100 + number % 100:04}",
        f"c{number}@example.com",
        "red",
        f"A-C{number}",
        f"{number} Main Street",
        "Anytown",
        f"P-C{number}",
        f"Robin {number}",
    )
    return dict(zip(HEADER, cells, strict=True))


def write(desk, rows: dict[str, dict[str, str]], mapping: str = MAPPING) -> tuple[str, ...]:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    desk.write("night.csv", text.getvalue())
    desk.write("night.yaml", mapping)
    return ("night.csv", "-m", "night.yaml", "--mode", "upsert")


def asked(api) -> Counter[str]:
    """The number of requests per method since the last call."""
    found = Counter(line.split()[0] for line in api.seen)
    api.seen.clear()
    return found


def counts(said) -> dict[str, int]:
    return {name: count for name, count in said.summary["customers"].items() if count and name != "read"}


def test_nightly_runs_send_only_what_is_new_or_changed(desk, api) -> None:
    rows = export(400)
    assert counts(desk.run(api.url, *write(desk, rows))) == {"created": 400}
    assert asked(api)["POST"] == 400

    assert counts(desk.run(api.url, *write(desk, rows))) == {"unchanged": 400}
    second = asked(api)
    assert set(second) == {"GET"}
    assert second["GET"] <= 5

    for number in range(30):
        rows[f"C{number}"]["Phone"] = f"+1212555{100 + number:04}"
    for number in range(7):
        rows[f"C{number}"]["Colour"] = "blue"
    for number in range(395, 400):
        del rows[f"C{number}"]
    rows |= {f"C{number}": row(number) for number in range(500, 512)}
    said = desk.run(api.url, *write(desk, rows))
    assert (said.code, counts(said)) == (0, {"created": 12, "updated": 30, "unchanged": 365})
    third = asked(api)
    assert (third["POST"], third["PATCH"]) == (12, 30)
    assert third["GET"] <= 30 + 2 + 10
    assert api.broken == []
    assert len(api.customers) == 412
    phone = {f"C{number}": {"phone": f"+1212555{100 + number:04}"} for number in range(30)}
    blue = {"attributes": [{"name": "Colour", "value": "blue"}]}
    assert api.patches == {name: [patch | (blue if int(name[1:]) < 7 else {})] for name, patch in phone.items()}
    assert said.summary["missing_from_source"] == 5
    gone = [line["value"] for line in said.table("errors.csv") if line["code"] == "missing_from_source"]
    assert sorted(gone) == [f"C{number}" for number in range(395, 400)]
    assert [line["action"] for line in said.table("results.csv") if line["outcome"] == "updated"] == ["update"] * 30


def test_changed_child_is_replaced_alone(desk, api) -> None:
    """Children added by hand stay unchanged; one that is no longer in the source is kept and reported."""
    rows = export(3)
    desk.run(api.url, *write(desk, rows))
    hand = {"id": "by-hand", "type": "shipping", "address_line_1": "Dock 4", "city": "Elsewhere"}
    api.customers["C1"]["addresses"].append(hand)
    rows["C1"]["Street"], rows["C2"]["Phone"] = "9 New Street", "+12125550199"
    rows["C2"]["Contact"] = rows["C2"]["Person"] = ""
    said = desk.run(api.url, *write(desk, rows))
    assert api.broken == []
    assert said.outcomes == {"C0": "unchanged", "C1": "updated", "C2": "updated"}
    (patch,) = api.patches["C1"]
    assert set(patch) == {"addresses"}
    assert [child["reference_id"] for child in patch["addresses"]] == ["A-C1"]
    assert [child["address_line_1"] for child in api.customers["C1"]["addresses"]] == ["9 New Street", "Dock 4"]
    assert api.patches["C2"] == [{"phone": "+12125550199"}]
    assert len(api.customers["C2"]["contacts"]) == 1
    kept = [line for line in said.table("errors.csv") if line["code"] == "child_not_in_source"]
    assert [(line["severity"], line["reference_id"]) for line in kept] == [("warning", "C2")]
    assert "contacts[P-C2]" in kept[0]["message"]


def test_new_child_is_added_once(desk, api) -> None:
    rows = export(2)
    rows["C0"]["Street"] = rows["C0"]["Town"] = rows["C0"]["Place"] = ""
    desk.run(api.url, *write(desk, rows))
    assert api.customers["C0"]["addresses"] == []
    said = desk.run(api.url, *write(desk, export(2)))
    assert said.outcomes == {"C0": "updated", "C1": "unchanged"}
    assert [child["reference_id"] for child in api.customers["C0"]["addresses"]] == ["A-C0"]
    assert counts(desk.run(api.url, *write(desk, export(2)))) == {"unchanged": 2}


@pytest.mark.parametrize(
    ("policy", "outcome", "phone"),
    [
        ("report", "exists", "+16505550100"),
        ("skip", "exists", "+16505550100"),
        ("overwrite", "updated", "+14155550101"),
    ],
)
def test_customer_changed_in_the_api_follows_the_conflict_policy(desk, api, policy, outcome, phone) -> None:
    rows = export(3)
    desk.run(api.url, *write(desk, rows))
    api.customers["C1"]["phone"] = api.customers["C0"]["phone"] = "+16505550100"
    api.touch("C0")
    api.touch("C1")
    asked(api)
    rows["C1"]["Name"] = "Another Name"
    said = desk.run(api.url, *write(desk, rows), "--on-conflict", policy)
    assert (said.code, said.outcomes) == (0, {"C0": "unchanged", "C1": outcome, "C2": "unchanged"})
    assert len([line for line in api.seen if line.startswith("GET /v1/customers/")]) <= 2, "C1 and its read-back"
    assert api.customers["C1"]["phone"] == phone
    assert api.customers["C0"]["phone"] == "+16505550100"
    told = [line["reference_id"] for line in said.table("errors.csv") if line["code"] == "changed_in_api"]
    assert told == (["C1"] if policy == "report" else [])


def test_preexisting_customer_is_compared_and_updated(desk, api) -> None:
    rows = export(3)
    desk.run(api.url, *write(desk, rows))
    api.customers["C1"]["phone"], api.customers["C1"]["freight_term"] = "+16505550100", "FOB"
    said = desk.run(api.url, *write(desk, rows), "--ledger", "fresh.db", "--out", "fresh")
    assert said.outcomes == {"C0": "unchanged", "C1": "updated", "C2": "unchanged"}
    assert api.patches == {"C1": [{"phone": "+14155550101"}]}
    assert api.customers["C1"]["freight_term"] == "FOB"
    asked(api)
    assert counts(desk.run(api.url, *write(desk, rows), "--ledger", "fresh.db", "--out", "fresh")) == {"unchanged": 3}
    assert asked(api)["GET"] <= 5


@pytest.mark.parametrize("children", ["twice", "forget"])
def test_first_update_that_loses_data_stops_the_run(desk, children) -> None:
    rows = export(6)
    with strict_api(children=children) as api:
        desk.run(api.url, *write(desk, rows))
        for number in range(6):
            rows[f"C{number}"]["Street"] = f"{number} Changed Street"
        said = desk.run(api.url, *write(desk, rows))
        assert said.code == 3
        assert "after the update, WizCommerce does not show what was sent: addresses" in said.summary["stopped"]
        assert sum(len(patches) for patches in api.patches.values()) == 1
    assert sorted(counts(said).items()) == [("failed", 1), ("pending", 5)]


def test_blanks_change_nothing_unless_the_mapping_clears_them(desk, api) -> None:
    rows = export(2)
    clearing = MAPPING.replace("phone: {from: Phone, optional: true}", "phone: {from: Phone, clear_when_blank: true}")
    desk.run(api.url, *write(desk, rows, clearing))
    rows["C0"]["Phone"] = rows["C0"]["Mail"] = ""
    rows["C1"]["Phone"] = "odd"
    said = desk.run(api.url, *write(desk, rows, clearing.replace("phone:", "freight_term: Colour\n  phone:")))
    assert said.outcomes == {"C0": "failed", "C1": "rejected"}, "the document does not say that texts may be empty"
    assert [text.partition(" does")[0] for text in api.broken] == ["$.phone: ''"]
    assert api.customers["C0"]["email"] == "c0@example.com"


def test_refusal_is_at_its_cell_and_not_recorded_as_sent(desk, api) -> None:
    rows = export(3)
    desk.run(api.url, *write(desk, rows))
    api.aimed = {"C1": [("address_line_1", "is a dream")]}
    rows["C1"]["Street"] = "Nowhere"
    said = desk.run(api.url, *write(desk, rows))
    assert (said.code, said.outcomes["C1"]) == (1, "failed")
    line = next(line for line in said.table("errors.csv") if line["code"] == "api_refused")
    assert (line["row"], line["column"], line["value"]) == ("3", "Street", "Nowhere")
    api.aimed = {}
    assert desk.run(api.url, *write(desk, rows)).outcomes["C1"] == "updated"


class _FromTheSecond(dict[str, list[tuple[str, str]]]):
    """Refuses not the first request about a customer, but later ones."""

    asked = 0

    def __contains__(self, name: object) -> bool:
        self.asked += super().__contains__(name)
        return super().__contains__(name) and self.asked > 1


def test_refused_change_is_not_listed_as_changed(desk, api) -> None:
    rows = export(3)
    desk.run(api.url, *write(desk, rows))
    api.aimed = _FromTheSecond(C1=[("address_line_1", "is a dream")])
    rows["C1"] |= {"Phone": "+12125550101", "Street": "Nowhere"}
    said = desk.run(api.url, *write(desk, rows))
    assert (said.outcomes["C1"], api.patches) == ("failed", {"C1": [{"phone": "+12125550101"}]})
    assert [(line["field"], line["after"]) for line in said.table("changes.csv")] == [("phone", "+12125550101")]


def test_plan_with_updates_is_applied(desk, api) -> None:
    rows = export(4)
    desk.run(api.url, *write(desk, rows))
    rows["C1"]["Phone"] = "+12125550101"
    shown = desk.do("plan", *write(desk, rows), "--api", api.url, "--json")
    assert (shown.summary["plan"]["update"], shown.summary["plan"]["unchanged"]) == (1, 3)
    said = desk.do("run", "--plan", shown.summary["run_id"], "--json")
    assert said.outcomes == {"C0": "unchanged", "C1": "updated", "C2": "unchanged", "C3": "unchanged"}
    assert api.patches == {"C1": [{"phone": "+12125550101"}]}


def test_partial_run_does_not_report_missing_customers(desk, api) -> None:
    rows = export(4)
    desk.run(api.url, *write(desk, rows))
    del rows["C3"]
    for words in (["--partial"], ["--limit", 2], ["--only", "C1"]):
        assert desk.run(api.url, *write(desk, rows), *words).summary["missing_from_source"] == 0
    assert desk.run(api.url, *write(desk, rows)).summary["missing_from_source"] == 1
    assert desk.run(api.url, *write(desk, rows)[:3]).summary["missing_from_source"] == 0
