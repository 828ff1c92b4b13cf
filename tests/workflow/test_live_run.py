"""``run`` from the mapping to the API: lookups, selected customers, the history, and the reports."""

import json
import stat
from collections import Counter
from unittest.mock import Mock

import pytest

from importer.errors import OutputError
from importer.sandbox import SandboxConfig
from importer.workflow import report_writer
from tests.running_sandbox import running
from tests.workflow.desk import KEY
from tests.workflow.strict_api import PRICE_LIST, REP, strict_api
from tests.workflow.test_dry_run import LOOKUPS

TWINS = [
    {
        "id": "00000000-0000-4000-8000-00000000000a",
        "email": "a@example.com",
        "first_name": "Kim",
        "last_name": "Larsen",
    },
    {
        "id": "00000000-0000-4000-8000-00000000000b",
        "email": "b@example.com",
        "status": "inactive",
        "first_name": "Kim",
        "last_name": "Larsen",
    },
]


def test_names_are_looked_up_by_email_name_reference_and_id(desk) -> None:
    rows = [
        ("1", "VALE@example.com", "PRC-1"),
        ("2", "robin  vale", "wholesale"),
        ("3", f"{REP['id']};a@example.com", PRICE_LIST["id"].upper()),
        ("4", "", ""),
        ("5", '"Vale, Robin"', "Prc-1"),
    ]
    desk.write("reps.yaml", LOOKUPS)
    desk.write("reps.csv", "\n".join(["Id,Name,Rep,Prices", *(f"{n},Firm {n},{rep},{p}" for n, rep, p in rows), ""]))
    with strict_api(sales_reps=[REP, *TWINS]) as api:
        said = desk.run(api.url, "reps.csv", "-m", "reps.yaml")
        assert api.broken == []
    assert said.code == 0
    reps = {name: customer.get("assigned_sales_rep_ids") for name, customer in api.customers.items()}
    assert reps == {"1": [REP["id"]], "2": [REP["id"]], "3": [REP["id"], TWINS[0]["id"]], "4": None, "5": [REP["id"]]}
    prices = {name: customer.get("assigned_price_list_id") for name, customer in api.customers.items()}
    assert prices == {
        "1": PRICE_LIST["id"],
        "2": PRICE_LIST["id"],
        "3": PRICE_LIST["id"],
        "4": None,
        "5": PRICE_LIST["id"],
    }


UNKNOWN = {
    "Robin Vail": ("2", "Rep", "Did you mean 'Robin Vale'? "),
    "Kim Larsen": (
        "3",
        "Rep",
        (
            "More than one sales rep has this name: a@example.com, b@example.com (inactive). "
            "Use its email address or its ID instead."
        ),
    ),
    "Wholesail": ("4", "Prices", "Did you mean 'Wholesale'? "),
}


@pytest.mark.parametrize(
    "names",
    [
        ("Robin Vail", "Kim Larsen"),
        ("Wholesail",),
        ("Robin Vail", "Kim Larsen", "Wholesail"),
    ],
    ids=len,
)
def test_unknown_name_is_an_error_at_its_cell_with_the_nearest(desk, names) -> None:
    desk.write("reps.yaml", LOOKUPS)
    cells = [name if name in names else "" for name in UNKNOWN]
    lines = [f"1,One,{cells[0]},", f"2,Two,{cells[1]},", f"3,Three,,{cells[2]}", "4,Four,,"]
    desk.write("reps.csv", "\n".join(["Id,Name,Rep,Prices", *lines, ""]))
    with strict_api(sales_reps=[REP, *TWINS]) as api:
        said = desk.run(api.url, "reps.csv", "-m", "reps.yaml")
    assert said.code == 1, said.err
    assert len(api.customers) == 4 - len(names)
    found = {
        line["value"]: (line["row"], line["column"], line["hint"].partition("Fix the cell")[0])
        for line in said.table("errors.csv")
        if line["code"] == "lookup_unresolved"
    }
    assert found == {name: UNKNOWN[name] for name in names}
    assert len(said.table("rejected/reps.csv")) == len(names)


def test_inactive_rep_is_sent_with_a_warning_at_the_first_cell(desk) -> None:
    desk.write("reps.yaml", LOOKUPS)
    desk.write(
        "reps.csv", "Id,Name,Rep,Prices\n1,One,,\n2,Two,b@example.com,\n3,Three,B@EXAMPLE.COM,\n4,Four,b@example.com,\n"
    )
    with strict_api(sales_reps=[REP, *TWINS]) as api:
        said = desk.run(api.url, "reps.csv", "-m", "reps.yaml")
        asked = [line for line in api.seen if "customers" not in line]
        assert asked == ["GET /v1/sales-reps"] * 2 + ["GET /v1/attributes"]
    assert said.code == 0
    assert api.customers["4"]["assigned_sales_rep_ids"] == [TWINS[1]["id"]]
    found = [(line["severity"], line["code"], line["row"], line["column"]) for line in said.table("errors.csv")]
    assert found == [("warning", "lookup_inactive", "3", "Rep"), ("warning", "lookup_inactive", "4", "Rep")]


def test_lookups_are_requested_only_if_a_cell_needs_one(desk, api) -> None:
    """Attributes are always requested, because a customer may lack a mandatory one."""
    desk.write("reps.yaml", LOOKUPS)
    desk.write("reps.csv", "Id,Name,Rep,Prices\n1,One,,\n")
    assert desk.run(api.url, "reps.csv", "-m", "reps.yaml").code == 0
    assert [line for line in api.seen if "customers" not in line] == ["GET /v1/attributes"]


def test_limited_run_is_followed_by_the_rest(desk, api) -> None:
    first = desk.run(api.url, *desk.small(5), "--limit", 1)
    assert (first.code, first.outcomes) == (
        0,
        dict.fromkeys(["C1", "C2", "C3", "C4"], "pending") | {"C0": "created"},
    )
    second = desk.run(api.url, *desk.small(5))
    assert (second.code, Counter(second.outcomes.values())) == (0, {"unchanged": 1, "created": 4})
    third = desk.run(api.url, *desk.small(5))
    assert (third.code, Counter(third.outcomes.values())) == (0, {"unchanged": 5})
    assert api.broken == []
    assert sorted(api.customers) == ["C0", "C1", "C2", "C3", "C4"]
    assert (first.folder / "payloads.jsonl").read_bytes() == (third.folder / "payloads.jsonl").read_bytes()
    ids = [
        {line["reference_id"]: line["customer_id"] for line in said.table("results.csv")} for said in (second, third)
    ]
    assert ids[0] == ids[1] == {name: customer["id"] for name, customer in api.customers.items()}


def test_only_selected_customers_are_sent(desk, api) -> None:
    said = desk.run(api.url, *desk.small(4), "--only", "C2", "--only", "C0")
    assert said.outcomes == {"C0": "created", "C1": "pending", "C2": "created", "C3": "pending"}
    assert set(api.customers) == {"C0", "C2"}
    one_wrong = desk.run(api.url, *desk.small(4), "--only", "C1", "--only", "C9")
    assert (one_wrong.code, one_wrong.out) == (2, "")
    assert "'C9'" in one_wrong.err
    assert set(api.customers) == {"C0", "C2"}


def test_existing_customers_are_left_alone_active_or_not(desk, api) -> None:
    for name, status in (("C0", "active"), ("C1", "inactive")):
        api.customers[name] = {
            "id": f"made-by-hand-{name}",
            "reference_id": name,
            "name": "By hand",
            "status": status,
        }
    said = desk.run(api.url, *desk.small(3))
    assert api.broken == []
    assert said.outcomes == {"C0": "exists", "C1": "exists", "C2": "created"}
    assert said.code == 0
    found = {line["reference_id"]: line["customer_id"] for line in said.table("results.csv")}
    assert (found["C0"], found["C1"]) == ("made-by-hand-C0", "made-by-hand-C1")


def test_changed_customer_is_left_alone_in_create_mode(desk, api) -> None:
    words = desk.small(2)
    assert desk.run(api.url, *words).code == 0
    text = (desk.path / "small.csv").read_text()
    desk.write("small.csv", text.replace("Company 1", "Company One"))
    said = desk.run(api.url, *words)
    assert said.outcomes == {"C0": "unchanged", "C1": "exists"}
    assert api.customers["C1"]["name"] == "Company 1"


def test_history_is_listed_and_reports_are_rewritten(desk) -> None:
    assert desk.do("runs").out == "No runs yet.\n"
    with running(SandboxConfig(aimed={"C1": ("500-before",) * 9})) as box:
        said = desk.run(box.url, *desk.small(3), "--settle", 0, "--limit", 1)
        other = desk.run(box.url, *desk.small(3), "--tenant", "other", "--limit", 2, "--only", "C0")
    listed = json.loads(desk.do("runs", "--json").out)
    assert [(run["run_id"], run["exit_code"]) for run in listed] == [
        (other.summary["run_id"], 0),
        (said.summary["run_id"], 0),
    ]
    assert listed[0]["customers"]["exists"] == 1
    assert [line.split()[0] for line in desk.do("runs").out.splitlines()] == ["Run", *(run["run_id"] for run in listed)]
    assert [run["tenant"] for run in json.loads(desk.do("runs", "--json", "--tenant", "other").out)] == ["other"]
    before = {path.name: path.read_bytes() for path in said.folder.iterdir() if path.is_file()}
    for name in ("results.csv", "errors.csv", "summary.json"):
        (said.folder / name).unlink()
    again = desk.do("report", said.summary["run_id"], "--json")
    assert again.code == 0
    after = {path.name: path.read_bytes() for path in said.folder.iterdir() if path.is_file()}
    assert after.keys() == before.keys()
    assert after["results.csv"] == before["results.csv"]
    assert after["payloads.jsonl"] == before["payloads.jsonl"]
    summaries = [json.loads(files["summary.json"]) for files in (before, after)]
    for summary in summaries:
        assert desk.path / summary.pop("folder") == said.folder
        assert summary.pop("seconds") >= 0
        assert summary["timings"].pop("reports") >= 0  # different for each report
    assert summaries[0] == summaries[1]


def test_report_for_a_missing_run_folder_is_refused(desk, box) -> None:
    said = desk.run(box.url, *desk.small())
    for path in (said.folder / "work").iterdir():
        path.unlink()
    damaged = desk.do("report")
    assert (damaged.code, damaged.out) == (2, "")
    assert "missing or incomplete" in damaged.err
    said.folder.rename(desk.path / "away")
    gone = desk.do("report")
    assert (gone.code, gone.out) == (2, "")
    assert "no longer exists" in gone.err


def test_files_are_private_and_do_not_contain_the_key(desk, box) -> None:
    desk.small()
    desk.write("mixed.csv", "Id,Name,Phone,Mail,Street,Town\n1,One,,no address,,\n2,Two,,two@example.com,,\n")
    said = desk.run(box.url, "mixed.csv", "-m", "small.yaml")
    assert said.code == 1
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [*said.folder.rglob("*"), *desk.state.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert all(KEY.encode() not in path.read_bytes() for path in desk.files())
    assert KEY not in said.out + said.err


def test_bodies_changed_after_the_plan_are_not_sent(desk, api, monkeypatch) -> None:
    """An editor changes the folder between planning and sending; only a patch can be that quick."""
    from importer.run_folder import RunFolder

    keep = RunFolder.save_bodies

    def spoil(folder: RunFolder, bodies: object) -> None:
        keep(folder, bodies)
        folder.payloads.write_bytes(folder.payloads.read_bytes().replace(b"Company 1", b"Company X"))

    monkeypatch.setattr(RunFolder, "save_bodies", spoil)
    said = desk.run(api.url, *desk.small(3))
    assert not api.customers
    assert said.code == 3
    assert "was changed after the plan was made" in said.summary["stopped"]
    assert set(said.outcomes.values()) <= {"pending", "unknown"}


def test_run_killed_before_its_plan_is_started_again(desk, box, monkeypatch) -> None:
    """A kill -9 while the folder is written; only a patch can time it so exactly."""
    from importer.run_folder import RunFolder

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", killed)
        assert desk.run(box.url, *desk.small(3)).code == 3
    (killed_run,) = json.loads(desk.do("runs", "--json").out)
    for command in ("resume", "retry", "undo", "verify", "report"):
        said = desk.do(command, killed_run["run_id"])
        assert (said.code, "stopped before it made a plan" in said.err) == (2, True)
        assert "Run again with the same sources" in said.err
    assert desk.run(box.url, *desk.small(3)).code == 0
    assert len(box.customers()) == 3


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OutputError("results.csv: No space left on device", "Make room."), "the reports could not be written"),
        (KeyboardInterrupt(), "interrupted while the reports were being written"),
    ],
)
def test_failed_reports_stop_the_run_and_can_be_written_later(desk, monkeypatch, error, message) -> None:
    """A full disk or a Ctrl-C between the last answer and the first report; real ones could not be timed."""
    with strict_api() as api:
        with monkeypatch.context() as patch:
            patch.setattr(report_writer, "write_reports", Mock(side_effect=error))
            said = desk.run(api.url, *desk.small(3))
        assert (said.code, said.out) == (3, "")
        assert message in said.err
        assert "importer report" in said.err
        assert len(api.customers) == 3
    again = desk.do("report", "--json")
    assert set(again.outcomes.values()) == {"created"}
