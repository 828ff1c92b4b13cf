"""The IDs in WizCommerce: ``children.csv`` and ``display_id`` of a run, and ``importer ids`` for the account."""

import csv
import io
import stat

from tests.workflow.desk import read_table

MAPPING = """\
title: With contacts
key: Id
customer: {company_name: Name}
addresses:
  - {type: {constant: billing}, address_line_1: Street, city: Town, optional: true}
contacts:
  - {reference_id: Who, first_name: Who, email: Mail, optional: true}
"""
ROWS = "Id,Name,Street,Town,Who,Mail\n=1,One,1 Main Street,Anytown,Ann,ann@example.com\n2,Two,,,=Bob,\n3,Bad,,,,no\n"
COLUMNS = ["reference_id", "kind", "child_reference_id", "id"]


def sent(desk, box, *words: object):
    desk.write("own.yaml", MAPPING)
    desk.write("list.csv", ROWS)
    return desk.run(box.url, "list.csv", "-m", "own.yaml", *words)


def shown(box) -> dict[str, str]:
    """Reference ID as CSV files have it → the customer's display ID."""
    return {one["reference_id"].replace("=", "'="): one["display_id"] for one in box.customers()}


def known_by(box) -> list[tuple[str, str, str, str]]:
    """What the API has: (customer's reference ID, kind, child's reference ID, ID), with formulas marked."""
    found = [
        (one["reference_id"], kind, child["reference_id"], child["id"])
        for one in sorted(box.customers(), key=lambda one: one["reference_id"] != "=1")
        for kind, name in (("address", "addresses"), ("contact", "contacts"))
        for child in one[name]
    ]
    return [tuple(f"'{text}" if text.startswith("=") else text for text in line) for line in found]


def test_children_of_a_run_are_listed_with_their_ids(desk, box) -> None:
    said = sent(desk, box)
    assert "children.csv" in said.summary["files"]
    lines = said.table("children.csv")
    assert list(lines[0]) == COLUMNS
    assert [tuple(line.values()) for line in lines] == known_by(box)
    assert len(lines) == 3
    assert stat.S_IMODE((said.folder / "children.csv").stat().st_mode) == 0o600
    again = sent(desk, box)
    assert again.summary["customers"]["unchanged"] == 2
    assert again.table("children.csv") == lines
    for words in (("resume",), ("retry",), ("report", again.summary["run_id"])):
        assert desk.do(*words, "--json").table("children.csv") == lines
    adopted = desk.do("adopt", "list.csv", "-m", "own.yaml", "--api", box.url, "--ledger", "new.db", "--json")
    assert adopted.table("children.csv") == lines


def test_only_runs_that_send_list_children_and_ids(desk, box) -> None:
    words = (*desk.small(), "--json")
    for said in (desk.do("check", *words), desk.do("plan", *words, "--api", box.url)):
        assert "children.csv" not in said.summary["files"]
        assert not (said.folder / "children.csv").exists()
        assert {line["display_id"] for line in said.table("results.csv")} == {""}


def test_results_have_display_ids(desk, box) -> None:
    said = sent(desk, box)
    lines = said.table("results.csv")
    assert list(lines[0])[4:7] == ["customer_id", "display_id", "http_status"]
    numbers = {line["reference_id"]: line["display_id"] for line in lines}
    assert numbers == {**shown(box), "3": ""}
    assert all(shown(box).values())


def test_ids_lists_the_ids_of_the_account(desk, box) -> None:
    sent(desk, box, "--only", "2")
    sent(desk, box)
    said = desk.do("ids")
    assert (said.code, said.err) == (0, "")
    lines = list(csv.DictReader(io.StringIO(said.out), strict=True))
    assert list(lines[0]) == [*COLUMNS, "display_id"]
    customers = [line for line in lines if line["kind"] == "customer"]
    assert {line["reference_id"]: line["id"] for line in customers} == {
        one["reference_id"].replace("=", "'="): one["id"] for one in box.customers()
    }
    assert {line["reference_id"]: line["display_id"] for line in customers} == shown(box)
    assert {line["child_reference_id"] for line in customers} == {""}
    children = [tuple(line[name] for name in COLUMNS) for line in lines if line["kind"] != "customer"]
    assert sorted(children) == sorted(known_by(box))
    assert {line["display_id"] for line in lines if line["kind"] != "customer"} == {""}
    written = desk.do("ids", "-o", "deep/ids.csv")
    assert (written.code, written.out) == (0, "")
    assert read_table(desk.path / "deep" / "ids.csv") == lines
    assert stat.S_IMODE((desk.path / "deep" / "ids.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE((desk.path / "deep").stat().st_mode) == 0o700


def test_ids_output_is_utf_8_on_any_console(desk, box) -> None:
    desk.environment["PYTHONIOENCODING"] = "ascii"
    desk.write("own.yaml", MAPPING)
    desk.write("list.csv", ROWS.replace("2,Two", "é,Two"))
    assert desk.run(box.url, "list.csv", "-m", "own.yaml").code == 1
    desk.do("ids", "-o", "ids.csv")
    with desk.start("ids") as process:
        process.stdout.reconfigure(encoding="utf-8")
        assert process.stdout.read() == (desk.path / "ids.csv").read_text("utf-8")


def test_ids_requires_one_known_account(desk, box) -> None:
    assert "known accounts: none" in desk.do("ids").err
    assert sent(desk, box, "--tenant", "acme").code == 1
    assert desk.do("ids").out
    assert sent(desk, box, "--tenant", "bolt").code == 1
    for words in ((), ("--tenant", "cask")):
        said = desk.do("ids", *words)
        assert (said.code, said.out) == (2, "")
        assert "known accounts: acme, bolt" in said.err
        assert "--tenant" in said.err
    assert desk.do("ids", "--tenant", "acme").out == desk.do("ids", "--tenant", "acme").out != ""
    refused = desk.do("ids", "--tenant", "acme", "-o", "own.yaml/ids.csv")
    assert refused.code == 2
    assert "own.yaml" in refused.err
