"""``lookups save`` and ``check --lookups``: names are resolved or reported without a network."""

import json
import stat
import subprocess
import sys

import pytest

from importer.workflow.directory import load_lookups
from importer.workflow.timings import utc_now
from tests.workflow.desk import KEY, ROOT
from tests.workflow.strict_api import PRICE_LIST, REP, strict_api
from tests.workflow.test_dry_run import LOOKUPS, offline

__all__ = ["offline"]
MAPPING = LOOKUPS + "  attributes: {Color: Color}\n"
OPTIONS = [{"label": "Red", "value": "r"}, {"label": "Blue", "value": "b"}]
COLOR = {"customer": [{"name": "Color", "data_type": "select", "configuration": {"options": OPTIONS}}]}


@pytest.fixture
def saved(desk):
    """Save lookups from a strict API at this desk; returns the command's result."""
    desk.write("reps.yaml", MAPPING)
    desk.write(
        "reps.csv", "Id,Name,Rep,Prices,Color\n1,One,robin vale,Wholesale,Red\n2,Two,Robin Vail,,\n3,Three,,,Green\n"
    )
    with strict_api(attributes=COLOR, read_only=True) as api:
        said = desk.do("lookups", "save", "--api", api.url, "--to", "kept/lookups.json")
        assert api.broken == []
    assert (said.code, said.err) == (0, "")
    return said


def test_lookups_file_is_private_and_names_its_account(desk, saved) -> None:
    assert saved.out.startswith("kept/lookups.json: 1 sales reps, 1 price lists, and 1 attributes of 127.0.0.1:")
    path = desk.path / "kept/lookups.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in path.read_text()
    snapshot = load_lookups(path)
    assert snapshot.api.startswith("127.0.0.1:")
    assert snapshot.directory.find("sales_rep", "VALE@example.com")[0].id == REP["id"]
    told = snapshot.described(snapshot.saved.replace(year=snapshot.saved.year + 1))
    assert told["age_seconds"] >= 365 * 86_400
    assert snapshot.described(snapshot.saved)["age_seconds"] == 0
    assert snapshot.saved <= utc_now()


@pytest.mark.usefixtures("saved", "offline")
def test_check_resolves_names_offline_and_finds_wrong_ones(desk) -> None:
    said = desk.do("check", "reps.csv", "-m", "reps.yaml", "--lookups", "kept/lookups.json", "--json")
    assert said.code == 1
    assert [(line["code"], line["row"], line["column"]) for line in said.table("errors.csv")] == [
        ("lookup_unresolved", "3", "Rep"),
        ("attribute_option", "4", "Color"),
    ]
    (body,) = map(json.loads, (said.folder / "payloads.jsonl").read_text().splitlines())
    assert body["assigned_sales_rep_ids"] == [REP["id"]]
    assert body["assigned_price_list_id"] == PRICE_LIST["id"]
    assert body["attributes"] == [{"name": "Color", "value": "r"}]
    assert said.summary["lookups"]["age_seconds"] < 3600
    assert said.summary["lookups"]["saved"].endswith("Z")
    text = " ".join(desk.do("check", "reps.csv", "-m", "reps.yaml", "--lookups", "kept/lookups.json").out.split())
    assert "Names were looked up in a copy of 127.0.0.1:" in text
    assert desk.do("check", "reps.csv", "-m", "reps.yaml", "--json").summary["lookups"] is None


@pytest.mark.usefixtures("saved", "offline")
def test_preview_shows_how_names_and_options_are_looked_up(desk) -> None:
    words = ("preview", "reps.csv", "-m", "reps.yaml", "--customer", "1", "--json")
    (one,) = desk.do(*words, "--lookups", "kept/lookups.json").summary["customers"]
    fields = {each["field"]: each for each in one["records"][0]["fields"]}
    rep, color = fields["assigned_sales_rep_ids"], fields["attributes.Color"]
    assert [(step["step"], step["before"], step["after"]) for step in rep["steps"]] == [
        ("lookup", "robin vale", REP["id"])
    ]
    assert one["body"]["assigned_sales_rep_ids"] == rep["value"] == [REP["id"]]
    assert [(step["step"], step["before"], step["after"]) for step in color["steps"]] == [("checked", "Red", "r")]
    (one,) = desk.do(*words).summary["customers"]
    assert one["body"]["assigned_sales_rep_ids"] == [{"$lookup": {"sales_rep": "robin vale"}}]


@pytest.mark.usefixtures("saved", "offline")
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "{}",
        lambda text: "Id,Name\n",
        lambda text: text.replace("importer lookups 1", "importer lookups 9"),
        lambda text: text.replace('"sales_rep"', '"sales_reps"'),
        lambda text: text.replace('"contact"', '"contacts"'),
    ],
)
def test_broken_or_foreign_lookups_file_is_refused(desk, change) -> None:
    path = desk.path / "kept/lookups.json"
    path.write_text(change(path.read_text()))
    said = desk.do("check", "reps.csv", "-m", "reps.yaml", "--lookups", path)
    assert (said.code, said.out) == (2, "")
    assert "is not a file from `importer lookups save`" in said.err
    assert "importer lookups save --api TARGET --to FILE" in said.err


def test_lookups_file_of_an_earlier_version_is_read(desk, saved) -> None:
    """It has options as texts, without labels and without what is mandatory."""
    path = desk.path / "kept/lookups.json"
    old = json.loads(path.read_text())
    old["directory"]["attributes"]["customer"] = {
        "Color": {"name": "Color", "data_type": "select", "options": ["Red", "Blue"]}
    }
    path.write_text(json.dumps(old))
    said = desk.do("check", "reps.csv", "-m", "reps.yaml", "--lookups", "kept/lookups.json", "--json")
    (body,) = map(json.loads, (said.folder / "payloads.jsonl").read_text().splitlines())
    assert body["attributes"] == [{"name": "Color", "value": "Red"}]


def test_missing_lookups_file_or_refused_key_is_reported(desk) -> None:
    said = desk.do("check", *desk.small(), "--lookups", "absent.json")
    assert (said.code, said.out) == (2, "")
    assert "absent.json: no such file" in said.err
    with strict_api(keys=("other",)) as api:
        said = desk.do("lookups", "save", "--api", api.url, "--to", "lookups.json")
    assert (said.code, said.out) == (3, "")
    assert not (desk.path / "lookups.json").exists()


def test_sandbox_lookups_can_be_saved(desk) -> None:
    said = desk.do("lookups", "save", "--api", "sandbox", "--to", "lookups.json", "--json")
    assert (said.code, said.summary["sales_reps"], said.summary["attributes"]) == (0, 5, 0)


def test_check_does_not_import_network_libraries() -> None:
    names = ("aiohttp", "httpx", "sqlalchemy", "uvicorn")
    code = f"import sys, importer.commands.check; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
