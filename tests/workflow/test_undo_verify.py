"""``undo`` and ``verify`` as commands: the question, the files, the exit codes."""

import csv
import json
import stat
from dataclasses import replace

import httpx
import pytest

from importer.api import RetryPolicy
from importer.commands.undo import undo
from importer.commands.verify import verify
from importer.errors import UsageError
from importer.report.terminal import undo_verify_text
from importer.sandbox import SandboxConfig
from importer.settings import Options
from importer.workflow.supervision import Watch
from tests.report.schema import hold_against_schema
from tests.running_sandbox import running
from tests.workflow.desk import KEY, read_table

ENVIRONMENT = {"WIZCOMMERCE_API_KEY": KEY}


def checked_summary(summary):
    """The summary, after a check that it matches the published schema and adds up."""
    hold_against_schema(summary, "undo_verify")
    assert sum(summary["results"].values()) + summary["left"] == summary["customers"]
    return summary


def text_of(summary, width=80):
    text = undo_verify_text(summary, width=width, color=False)
    copied = ("    importer ", "Details for each customer: ")  # never cut
    assert max(len(line) for line in text.splitlines() if not line.startswith(copied)) <= width
    return text


class Bench:
    """One run of a small source, sent to a sandbox by the command line."""

    def __init__(self, desk, box, count=3):
        self.desk, self.box, self.count = desk, box, count
        self.words = desk.small(count)
        self.options = Options(ledger=str(desk.state / "importer" / "ledger.db"), rate=5000, settle=0)
        self.asked = []
        self.said = []
        self.run(*self.words)

    def run(self, *words):
        """Another run; undo and verify use it from now on."""
        ended = self.desk.run(self.box.url, *words)
        assert ended.code == 0, ended.err
        self.run_id, self.folder = ended.summary["run_id"], ended.folder

    def update(self):
        """A run that changes the names and towns of all customers."""
        source = self.desk.path / "small.csv"
        changed = source.read_text().replace("Company", "Firm").replace("Anytown", "Newtown")
        self.desk.write("small.csv", changed)
        self.run(*self.words, "--mode", "upsert")

    def answer(self, yes):
        def confirm(question):
            self.asked.append(question)
            return yes

        return confirm

    def undo(self, *, yes=True, force=False, watch=None, run_id=""):
        confirm = self.answer(yes)
        watch = watch or Watch(phase=self.said.append)
        run_id = self.run_id if run_id == "" else run_id
        return checked_summary(undo(self.options, ENVIRONMENT, run_id, force=force, confirm=confirm, watch=watch))

    def verify(self, run_id=""):
        run_id = self.run_id if run_id == "" else run_id
        return checked_summary(verify(self.options, ENVIRONMENT, run_id, watch=Watch(phase=self.said.append)))

    def patch(self, name, **fields):
        there = next(one["id"] for one in self.box.customers() if one["reference_id"] == name)
        url = f"{self.box.url}/v1/customers/{there}"
        assert httpx.patch(url, json=fields, headers={"X-API-Key": KEY}, trust_env=False).is_success

    def table(self, name):
        return {line["reference_id"]: line for line in read_table(self.folder / name)}

    @property
    def names(self):
        return sorted(one["name"] for one in self.box.customers() if one["status"] == "active")


@pytest.fixture
def bench(desk, box):
    return Bench(desk, box)


def test_undo_asks_with_the_facts_and_does_nothing_without_yes(desk, box):
    bench = Bench(desk, box, 7)
    with pytest.raises(UsageError, match="--yes"):
        bench.undo(yes=False)
    (question,) = bench.asked
    (tenant,) = desk.tenants()
    assert question == (
        f"This undoes run {bench.run_id} ({box.url.removeprefix('http://')}, account {tenant}): 7 customers that it "
        "created will be deleted (C0, C1, C2, C3, C4, …). Later changes in WizCommerce will be kept. Continue?"
    )
    assert len(box.customers()) == 7
    assert not (bench.folder / "undo.csv").exists()
    assert "DELETE" not in {seen.method for seen in box.requests()}


def test_undo_restores_updates_and_asks_about_them(bench):
    before = bench.names
    bench.update()
    assert bench.names == ["Firm 0", "Firm 1", "Firm 2"]
    bench.patch("C1", phone="+12125550123", company_name="By hand")
    summary = bench.undo()
    assert "its updates to 3 customers will be undone (C0, C1, C2)." in bench.asked[0]
    assert (summary["results"], summary["exit_code"]) == ({"restored": 2, "changed": 1}, 1)
    assert bench.names == ["By hand", "Company 0", "Company 2"]
    assert bench.table("undo.csv")["C1"]["details"] == "company_name"
    assert "2  updates undone" in text_of(summary)
    assert bench.undo(force=True)["results"] == {"restored": 1}
    assert "Changes made in WizCommerce after the run will be lost." in bench.asked[1]
    assert bench.names == before
    checked = bench.verify()
    assert (checked["results"], checked["exit_code"]) == ({"undone": 3}, 0)
    assert text_of(checked).startswith(f"Run {bench.run_id} at ")
    assert "was undone for all 3 customers." in text_of(checked)
    assert bench.undo()["results"] == {}
    bench.run(*bench.words, "--mode", "upsert")
    assert bench.names == ["Firm 0", "Firm 1", "Firm 2"], "after an undo the next run sends the update again"


def test_changes_that_cannot_be_undone_are_counted_and_listed(desk, box):
    bench = Bench(desk, box, 2)
    source = desk.path / "small.csv"
    phones = source.read_text()
    bare = phones.replace("+14155550100", "").replace("+14155550101", "").replace("C0", "D0").replace("C1", "D1")
    desk.write("small.csv", bare)
    bench.run(*bench.words, "--partial")
    desk.write("small.csv", phones.replace("C0", "D0").replace("C1", "D1").replace("Company 1", "Firm 1"))
    bench.run(*bench.words, "--partial", "--mode", "upsert")
    summary = bench.undo()
    assert "its updates to 1 customer will be undone (D0, D1); 1 update cannot be undone." in bench.asked[0]
    assert (summary["results"], summary["exit_code"]) == ({"not_taken_back": 2}, 1)
    assert "phone: had no value before" in bench.table("undo.csv")["D1"]["details"]
    assert bench.names == ["Company 0", "Company 0", "Company 1", "Company 1"]


def test_latest_run_that_planned_something_is_the_default(desk, box, bench):
    desk.write("empty.csv", "Id,Name,Phone,Mail,Street,Town\n")
    desk.run(box.url, "empty.csv", "-m", "small.yaml", "--partial")
    assert bench.verify(None)["run_id"] == bench.run_id
    assert bench.said == [f"Using the latest run, {bench.run_id}."]
    assert bench.undo(run_id=None)["run_id"] == bench.run_id
    assert bench.undo()["results"] == {}
    assert len(bench.said) == 2


def test_yes_requires_the_run_id(desk, box, bench):
    said = desk.do("undo", "--yes")
    assert said.code == 2
    assert "importer runs" in said.err
    assert len(box.customers()) == 3
    assert desk.do("undo", bench.run_id, "--yes", "--settle", 0).code == 0
    assert box.customers() == []


def test_undo_deletes_and_writes_its_report(box, bench):
    bench.patch("C1", company_name="Changed by hand")
    summary = bench.undo()
    assert summary["results"] == {"deleted": 2, "changed": 1}
    assert (summary["exit_code"], summary["stopped"], summary["files"]) == (1, None, ["undo.csv"])
    lines = bench.table("undo.csv")
    assert {name: line["result"] for name, line in lines.items()} == {"C0": "deleted", "C1": "changed", "C2": "deleted"}
    assert lines["C1"]["details"] == "company_name"
    assert stat.S_IMODE((bench.folder / "undo.csv").stat().st_mode) == 0o600
    text = text_of(summary, width=60)
    assert "--force" in text
    assert text.startswith(f"Run {bench.run_id} at ")
    assert "was undone for 2 of 3 customers." in " ".join(text.split())
    assert "1  changed in WizCommerce since then: left as they are" in text

    forced = bench.undo(force=True)
    assert (forced["results"], forced["exit_code"]) == ({"deleted": 1}, 0)
    assert {line["result"] for line in bench.table("undo.csv").values()} == {"deleted"}
    assert len(bench.table("undo.csv")) == 3, "the lines of an earlier undo stay"
    assert box.customers() == []

    nothing = bench.undo()
    assert (nothing["results"], nothing["exit_code"]) == ({}, 0)
    assert len(bench.asked) == 2, "there is nothing to ask about"
    said = " ".join(text_of(nothing).split())
    assert said.startswith(f"Run {bench.run_id} at {nothing['api']} has nothing left to undo.")
    assert bench.verify()["results"] == {"undone": 3}


def test_interrupted_undo_is_continued(desk, box, monkeypatch):
    monkeypatch.setattr("importer.sender.undo.BLOCK", 2)
    bench = Bench(desk, box, 5)
    watch = Watch()
    watch.stage = lambda _text: watch.stop.set()
    summary = bench.undo(watch=watch)
    assert (summary["exit_code"], summary["stopped"], summary["results"]) == (3, "interrupted", {"deleted": 2})
    assert summary["left"] == 3
    assert text_of(summary).startswith("Stopped early: interrupted. 2 of 5 customers created or updated by run")
    assert f"    importer undo {bench.run_id} --ledger " in text_of(summary)
    assert len(box.customers()) == 3
    assert bench.undo()["results"] == {"deleted": 3}
    assert sorted(bench.table("undo.csv")) == [f"C{number}" for number in range(5)]


def test_stop_ends_a_wait_requested_by_the_api(box, bench):
    bench.options = replace(bench.options, max_wait=7_200)
    watch = Watch()
    watch.phase = lambda text: watch.stop.set() if "wait until" in text else None
    box.set_faults(aimed={"C0": ["quota"]})  # the first DELETE's answer says that the quota is used up for an hour
    summary = bench.undo(watch=watch)
    assert (summary["exit_code"], summary["stopped"]) == (3, "interrupted")
    assert bench.undo()["exit_code"] == 0
    assert box.customers() == []


def test_lines_of_an_earlier_undo_keep_their_text(desk, box):
    bench = Bench(desk, box, 1)
    path = bench.folder / "undo.csv"
    rows = [["reference_id", "customer_id", "result", "details"], ["'=1+1", "007", "deleted", ""]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    bench.undo()
    assert list(read_table(path)[0].values()) == rows[1]


def test_verify_names_differences_and_changes_nothing(box, bench):
    assert bench.verify()["exit_code"] == 0
    bench.patch("C2", company_name="Changed by hand")
    before = box.customers()
    summary = bench.verify()
    assert (summary["results"], summary["exit_code"]) == ({"ok": 2, "changed": 1}, 1)
    assert bench.table("verify.csv")["C2"]["details"] == "company_name"
    assert "1  different from what was sent" in text_of(summary)
    assert box.customers() == before
    assert {seen.method for seen in box.requests()} == {"GET", "POST", "PATCH"}


def test_customers_deleted_by_others_are_missing_not_undone(box, bench):
    for there in box.customers():
        assert httpx.delete(f"{box.url}/v1/customers/{there['id']}", headers={"X-API-Key": KEY}, trust_env=False)
    summary = bench.verify()
    assert (summary["results"], summary["exit_code"]) == ({"missing": 3}, 1)
    text = text_of(summary, 200)
    assert text.startswith(f"0 of 3 customers of run {bench.run_id} at {box.url.removeprefix('http://')} are as expect")


@pytest.mark.parametrize("command", [("verify",), ("undo", "--yes"), ("resume",), ("report",)])
def test_run_of_another_tenant_is_refused(desk, box, bench, command):
    said = desk.do(*command, bench.run_id, "--tenant", "other")
    assert (said.code, said.out, len(box.customers())) == (2, "", 3)
    assert f"run {bench.run_id} belongs to account {desk.tenants()[0]}, not other" in said.err


def test_history_shows_what_was_undone(desk, box):
    def undone():
        return [line["undone"] for line in json.loads(desk.do("runs", "--json").out)]

    bench = Bench(desk, box)
    created = bench.run_id
    bench.update()
    assert undone() == [0, 0]
    assert "undone" not in desk.do("runs").out
    bench.undo()
    assert undone() == [3, 0], "newest first"
    bench.undo(run_id=created)
    assert undone() == [3, 3]
    assert desk.do("runs").out.count("3 undone") == 2


@pytest.mark.parametrize("command", ["resume", "retry"])
def test_resume_and_retry_report_what_was_undone(desk, box, bench, command):
    bench.undo()
    said = desk.do(command, bench.run_id)
    assert (said.code, box.customers()) == (0, [])
    assert "3 customers of this run were undone. To send them again, start a new run." in said.err
    assert desk.run(box.url, *bench.words).summary["customers"]["created"] == 3
    assert "undone" not in desk.do(command, bench.run_id).err


def test_another_key_is_refused(bench):
    with pytest.raises(UsageError, match="--accept-key"):
        verify(bench.options, {"WIZCOMMERCE_API_KEY": "other"}, bench.run_id, watch=Watch())


def test_unreachable_api_ends_undo_and_verify_early(desk, monkeypatch):
    monkeypatch.setattr("importer.workflow.targets.RetryPolicy", lambda: RetryPolicy(attempts=2, first=0.001))
    with running(SandboxConfig()) as box:
        bench = Bench(desk, box)
    for summary in (bench.undo(), bench.verify()):
        assert summary["exit_code"] == 3
        assert summary["stopped"]
        assert bench.run_id in text_of(summary)
    with running(SandboxConfig(), port=int(box.url.rpartition(":")[2])):
        assert bench.undo()["results"] == {"deleted": 3}, "nothing was entered that had not happened"
