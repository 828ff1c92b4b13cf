"""``importer run --config FOLDER``: many jobs at once, and none of them can stop another."""

import json
import os
import signal
import sys
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from jsonschema import Draft202012Validator

import importer.report
from importer.commands import jobs
from importer.commands.jobs import jobs_line, run_jobs
from importer.sandbox import SandboxConfig
from tests.cli.test_process import wait_until
from tests.report.schema import hold_against_schema
from tests.running_sandbox import running
from tests.workflow.desk import KEY, PATIENCE


def job(desk, name: str, api: str, *lines: str) -> None:
    desk.small(3)
    own = ['sources = ["../small.csv"]', 'mapping = "../small.yaml"', f'api = "{api}"', "rate = 5000", *lines]
    own += [f'out = "../{name}"', f'ledger = "../{name}.db"', f'tenant = "{name}"']
    desk.write(f"jobs/{name}.toml", "\n".join(own))


def report(said) -> dict:
    """The printed object, after a check against its schema."""
    told = json.loads(said.out)
    described = json.loads((files(importer.report) / "jobs.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(described)
    Draft202012Validator(described).validate(told)
    for one in told["jobs"]:
        if one["summary"] is not None:
            hold_against_schema(one["summary"])
    return told


def test_each_job_has_its_own_result(desk) -> None:
    """One succeeds, one has an unknown key, one has no export, one is not TOML, and one is killed."""
    job(desk, "acme", "sandbox")
    job(desk, "bolt", "sandbox", "maping = 1")
    job(desk, "cask", "sandbox", "limit = 0")
    desk.write("jobs/dune.toml", "= nonsense")
    desk.write("jobs/notes.txt", "no job")
    desk.write("jobs/.hidden.toml", "= nonsense")
    said = desk.do("run", "--config", "jobs", "--json", "--parallel", 4)
    told = report(said)
    assert said.code == told["exit_code"] == 2
    assert {one["name"]: one["exit_code"] for one in told["jobs"]} == {"acme": 0, "bolt": 2, "cask": 2, "dune": 2}
    acme, bolt, cask, dune = told["jobs"]
    assert acme["summary"]["customers"]["created"] == 3
    assert (desk.path / acme["summary"]["folder"]).resolve().parent == desk.path / "acme"
    assert "unknown option 'maping' (did you mean mapping?)" in bolt["message"]
    assert "jobs/bolt.toml" in bolt["message"]
    assert "jobs/cask.toml: limit: 0 is not valid" in cask["message"]
    assert "not valid TOML" in dune["message"]
    assert "[bolt] importer: jobs/bolt.toml" in said.err


@pytest.mark.parametrize("words", [["small.csv"], ["--plan", "x"], ["--parallel", "0"]])
def test_per_job_options_on_the_command_line_are_a_usage_error(desk, words) -> None:
    job(desk, "acme", "sandbox")
    said = desk.do("run", "--config", "jobs", *words)
    assert (said.code, said.out) == (2, "")


def test_job_folder_that_is_empty_or_for_another_command_is_a_usage_error(desk) -> None:
    (desk.path / "jobs").mkdir()
    assert "contains no jobs" in desk.do("run", "--config", "jobs").err
    said = desk.do("check", "--config", "jobs")
    assert said.code == 2
    assert "is a folder" in said.err


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Jobs that only log when they begin and end: a fake package comes before ours on the path."""
    package = tmp_path / "fake" / "importer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import json, os, pathlib, signal, sys, time\n"
        "config = pathlib.Path(sys.argv[3])\n"
        "def log(what):\n"
        "    with open('course', 'a') as file:\n"
        "        file.write(f'{config.stem} {what}\\n')\n"
        "log('begins')\n"
        "exec(config.read_text())\n"
        "log('ends')\n"
    )
    monkeypatch.chdir(tmp_path)
    return {"PYTHONPATH": str(package.parent), "PATH": os.environ["PATH"]}


def test_one_line_per_job_and_command_line_options_apply_to_all(desk, fake) -> None:
    told = "print(json.dumps({'customers': {'created': 2}, 'folder': ' '.join(sys.argv)}))"
    for name in ("acme", "bolt"):
        desk.write(f"jobs/{name}.toml", told)
    desk.environment |= fake
    said = desk.do("run", "--config", "jobs", "--quiet", "--limit", 2, "--keep", 5)
    assert (said.code, said.err) == (0, "")
    for name, line in zip(("acme", "bolt"), said.out.splitlines(), strict=True):
        assert line.startswith(f"0  {name}: 2 created; ")
        assert "--limit=2" in line
        assert "--keep=5" in line


def tried(environment, *jobs, parallel: int = 2):
    made = {}
    for name, account, code in jobs:
        Path(f"{name}.toml").write_text(code)
        made[Path(f"{name}.toml")] = account
    return run_jobs(made, (), environment, parallel=parallel, on_line=lambda *_: None)


def test_jobs_of_one_account_never_overlap(fake) -> None:
    code = "print('{}')"
    told = tried(fake, ("a", "one", code), ("b", "one", code), ("c", "one", code), parallel=3)
    assert told["exit_code"] == 0
    course = Path("course").read_text().split("\n")[:-1]
    assert [line.split()[0] for line in course[::2]] == [line.split()[0] for line in course[1::2]]
    assert [line.split()[1] for line in course] == ["begins", "ends"] * 3


def test_jobs_of_different_accounts_run_in_parallel(fake) -> None:
    """Each end of a pipe waits for the other, so one after the other would never finish."""
    os.mkfifo("pipe")
    one, two = "open('pipe', 'w').close()", "open('pipe').read()"
    told = tried(fake, ("a", "one", f"{one}; print('{{}}')"), ("b", "two", f"{two}; print('{{}}')"))
    assert [one["exit_code"] for one in told["jobs"]] == [0, 0]


def test_crashed_job_stops_no_other(fake) -> None:
    told = tried(
        fake,
        ("a", "one", "os.kill(os.getpid(), signal.SIGKILL)"),
        ("b", "two", "print('no json')"),
        ("c", "three", "sys.exit(77)"),
        ("d", "four", "sys.stderr.write('x' * 300_000 + '\\nimporter: it failed\\n  do this\\n'); sys.exit(2)"),
        ("e", "five", "print(json.dumps({'customers': {'read': 2, 'created': 2}, 'folder': 'f'}))"),
    )
    assert [one["exit_code"] for one in told["jobs"]] == [3, 3, 3, 2, 0]
    assert told["exit_code"] == 3
    messages = [one["message"] for one in told["jobs"]]
    assert messages[0] == "the process was stopped by signal 9"
    assert messages[3] == "it failed; do this"
    assert [jobs_line(one) for one in told["jobs"]][3:] == ["2  d: it failed; do this", "0  e: 2 created; f"]


def test_interrupt_reaches_running_jobs_once_and_starts_no_more(desk) -> None:
    """With real jobs: the first is interrupted while it sends; the second has the same account."""
    with running(SandboxConfig(keys=(KEY,), latency=0.2)) as slow:
        job(desk, "acme", slow.url, "concurrency = 1")
        job(desk, "bolt", slow.url)
        desk.small(400)
        process = desk.start("run", "--config", "jobs", "--json")
        wait_until(lambda: slow.counts()["customers"] >= 3)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert process.returncode == told["exit_code"] == 3, err
    acme, bolt = told["jobs"]
    assert "interrupted" in acme["message"]
    assert acme["summary"]["customers"]["unknown"] == 0
    assert (bolt["message"], bolt["summary"]) == ("not started: interrupted", None)


def test_interrupt_during_process_start_reaches_the_process(fake, monkeypatch) -> None:
    start = anyio.open_process

    async def interrupted(*words: Any, **how: Any) -> Any:
        process = await start(*words, **how)
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        return process

    monkeypatch.setattr(anyio, "open_process", interrupted)
    (job,) = tried(fake, ("a", "one", "time.sleep(60); print('{}')"))["jobs"]
    # Python ends with code 1 if the signal arrives while it imports its own startup modules.
    assert job["message"] in {
        "the process was stopped by signal 2",
        "the process ended with code 1, but without a summary",
    }


def test_interrupt_of_a_finished_process_is_harmless() -> None:
    async def ended() -> None:
        async with await anyio.open_process([sys.executable, "-c", ""]) as process:
            await process.wait()
            jobs._interrupt(process)

    anyio.run(ended)


def test_newest_dated_export_is_used_and_old_ones_are_guarded(desk, box) -> None:
    """The newest is used. If tonight's is missing, that is yesterday's, and a guard notices."""
    desk.small(3)
    (desk.path / "small.csv").rename(desk.path / "small-2030-01-01.csv")
    job = ['sources = "small-{newest}.csv"', 'mapping = "small.yaml"', f'api = "{box.url}"', "new-file = true"]
    desk.write("job.toml", "\n".join(job))
    first = desk.do("run", "--config", "job.toml", "--json")
    assert (first.code, first.summary["sources"][0]["name"]) == (0, "small-2030-01-01.csv")
    again = desk.do("run", "--config", "job.toml", "--json")
    assert again.code == 3
    assert again.summary["stopped"].startswith("--new-file")
    absent = desk.do("run", "small-{date}.csv", "-m", "small.yaml", "--api", box.url)
    assert absent.code == 2
    assert f"small-{datetime.now().astimezone():%Y-%m-}" in absent.err
    assert desk.do("check", "none-{newest}.csv", "-m", "small.yaml").code == 2
