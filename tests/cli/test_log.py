"""``--log``: JSON lines for machines; what they contain, what they never contain, and who may read them."""

import json
import re
import stat
from pathlib import Path

import pytest

from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.workflow.desk import KEY


def lines(text: str) -> list[dict]:
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in {"debug", "info", "warning", "error"}
    return found


def read(desk, name: str = "import.log") -> list[dict]:
    return lines((desk.path / name).read_text(encoding="utf-8"))


def test_log_of_a_run_from_start_to_end(desk, box) -> None:
    said = desk.run(box.url, *desk.small(3), "--log", "import.log")
    assert said.code == 0
    found = read(desk)
    events = [line["event"] for line in found]
    assert events[0] == "start"
    assert events[-1] == "end"
    assert [line["stage"] for line in found if line["event"] == "stage"] == [
        *("load", "map", "lookups", "validate", "payloads", "plan", "send"),
    ]
    (run,) = [line for line in found if line["event"] == "run"]
    assert (run["run"], run["mapping"], run["mode"]) == (said.summary["run_id"], "small", "create")
    assert run["tenant"] in desk.tenants()
    end = found[-1]
    assert (end["exit_code"], end["run"], end["customers"]["created"], end["level"]) == (0, run["run"], 3, "info")
    assert end["pace"]["requests"] >= 4
    assert stat.S_IMODE((desk.path / "import.log").stat().st_mode) == 0o600
    desk.run(box.url, *desk.small(3), "--log", "import.log")
    assert len([line for line in read(desk) if line["event"] == "end"]) == 2  # the file is appended to


def test_log_names_customers_only_on_request(desk, box) -> None:
    desk.write("own.yaml", "title: T\nkey: Id\ncustomer: {company_name: Name, assigned_price_list_id: Prices}\n")
    unknown = "00000000-0000-4000-8000-000000000000"
    desk.write("list.csv", f"Id,Name,Prices\nAnna Berg,Berg Ltd,{unknown}\nCarl Dahl,Dahl Ltd,\n")
    said = desk.run(box.url, "list.csv", "-m", "own.yaml", "--log", "plain.log")
    assert (said.code, said.summary["refused"]) == (1, 1)
    text = (desk.path / "plain.log").read_text(encoding="utf-8")
    (failed,) = [line for line in lines(text) if line["event"] == "failed"]
    assert (failed["customer"], failed["http_status"], failed["level"]) == (1, 422, "warning")
    assert failed["code"]
    assert "Berg" not in text
    assert KEY not in text
    assert lines(text)[-1]["level"] == "warning"
    desk.run(box.url, "list.csv", "-m", "own.yaml", "--log", "full.log", "--log-personal", "--log-level", "warning")
    (failed,) = [line for line in read(desk, "full.log") if line["event"] == "failed"]
    assert failed["reference_id"] == "Anna Berg"
    assert failed["text"]
    assert {line["level"] for line in read(desk, "full.log")} == {"warning"}


def test_log_has_what_ended_a_run_early(desk, box) -> None:
    words = desk.small(3)
    desk.run(box.url, *words)
    assert desk.run(box.url, *words, "--new-file", "--log", "import.log").code == 3
    (stopped,) = [line for line in read(desk) if line["event"] == "stopped"]
    assert (stopped["error"], stopped["level"]) == ("GuardError", "error")
    assert stopped["text"].startswith("--new-file: the files are identical to those of run")
    assert read(desk)[-1]["exit_code"] == 3
    assert desk.do("run", "gone.csv", *words[1:], "--api", box.url, "--log", "other.log").code == 2
    error, end = read(desk, "other.log")[-2:]
    assert (error["event"], error["error"], end["exit_code"]) == ("error", "NoSourceError", 2)
    assert "gone.csv" in error["text"]
    # The customer's name is in a file without a header here, and in an option below.
    desk.write("bare.csv", "Anna Berg,1\nCarl Dahl,2\n")
    assert desk.do("run", "bare.csv", *words[1:], "--api", box.url, "--log", "third.log").code == 2
    assert '"text": "The mapping file is wrong, or does not fit the source."' in (desk.path / "third.log").read_text()
    assert desk.run(box.url, *words, "--only", "Anna Berg", "--log", "third.log").code == 2
    assert "Anna" not in (desk.path / "third.log").read_text(encoding="utf-8")


def test_log_has_unknown_outcomes_retries_and_pace(desk) -> None:
    desk.small(60)
    with running(SandboxConfig(keys=(KEY,), faults="drop-after=20%", seed=3)) as box:
        words = ("small.csv", "-m", "small.yaml", "--settle", 0, "--log", "import.log")
        assert desk.run(box.url, *words).code == 0
    found = read(desk)
    (unknown, *_) = [line for line in found if line["event"] == "unknown"]
    assert unknown["level"] == "warning"
    assert 1 <= unknown["customer"] <= 60
    with running(SandboxConfig(keys=(KEY,), faults="429=30%", seed=3)) as box:
        desk.do("run", *words, "--api", box.url, "--tenant", "other", "--rate", 100, "--limit", 12)
    assert [line for line in read(desk) if line["event"] == "slower" and line["pace"] > 0]


def test_log_to_stderr_leaves_nothing_else_there(desk, box) -> None:
    said = desk.run(box.url, *desk.small(3), "--log", "-")
    assert said.code == 0
    assert [line["event"] for line in lines(said.err)][-1] == "end"
    desk.environment = {"IMPORTER_LOG": "-", "IMPORTER_LOG_LEVEL": "error"}
    assert desk.run(box.url, *desk.small(3)).err == ""


def test_moved_log_file_is_recreated(desk, tmp_path) -> None:
    from importer.logs import event, log_to

    path = tmp_path / "a.log"
    with log_to(str(path)):
        event(20, "one")
        path.rename(tmp_path / "a.log.1")
        event(20, "two")
    assert [line["event"] for line in lines(path.read_text())] == ["two"]
    assert [line["event"] for line in lines((tmp_path / "a.log.1").read_text())] == ["one"]
    event(20, "three")  # the log is closed
    assert len(lines(path.read_text())) == 1


@pytest.mark.parametrize("words", [["--log", "absent/import.log"], ["--log", "."], ["--log-level", "loud"]])
def test_unusable_log_is_a_usage_error(desk, box, words) -> None:
    said = desk.run(box.url, *desk.small(1), *words)
    assert (said.code, said.out) == (2, "")
    assert words[0] in said.err
    assert box.counts()["customers"] == 0


def test_nothing_is_logged_without_the_option(desk) -> None:
    desk.small(20)
    with running(SandboxConfig(keys=(KEY,), faults="drop-after=20%", seed=3)) as box:
        said = desk.run(box.url, "small.csv", "-m", "small.yaml", "--settle", 0)
    assert "unknown" not in said.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_full_log_disk_stops_no_command(desk) -> None:
    assert desk.do("check", *desk.small(), "--log", "/dev/full").code == 0
