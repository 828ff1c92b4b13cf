"""The public Python API, against the real sandbox."""

import inspect
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import anyio.to_thread
import pandas as pd
import pytest

import importer
from importer import python_api
from importer.sandbox import SandboxConfig
from tests.running_sandbox import RunningSandbox, running
from tests.workflow.desk import KEY, MAPPING

ROOT = Path(__file__).parent.parent
DICT = {
    "title": "My ERP",
    "key": "Id",
    "customer": {"company_name": "Name", "email": "Mail"},
    "contacts": [{"first_name": "Name", "email": "Mail"}],
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, capsys):
    """An empty folder with a small source; calls made there must not print anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("WIZCOMMERCE_API_KEY", raising=False)
    Path("small.yaml").write_text(MAPPING)
    source("small.csv", 3)
    yield tmp_path
    assert capsys.readouterr() == ("", "")
    assert not list(tmp_path.glob("importer-in-memory*"))


@pytest.fixture
def box():
    with running(SandboxConfig(keys=(KEY,))) as server:
        yield server


def source(name: str, count: int) -> None:
    lines = [f"C{n},Company {n},,c{n}@example.com,{n} Main Street,Anytown" for n in range(count)]
    Path(name).write_text("\n".join(["Id,Name,Phone,Mail,Street,Town", *lines, ""]))


def wait_for(box: RunningSandbox, count: int) -> None:
    deadline = time.monotonic() + 120
    while box.counts()["customers"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def frame() -> pd.DataFrame:
    rows = {"Id": ["0012", "C2", "C3"], "Name": ["Acme", "=Bolt", "Cog"], "Mail": ["a@example.com", "bad", None]}
    return pd.DataFrame(rows, dtype=str)


def test_check_reads_files() -> None:
    checked = importer.check("small.csv", "small.yaml", country="US")
    assert (checked.ok, checked.exit_code, checked.stopped) == (True, 0, None)
    assert checked.customers["outcome"].tolist() == ["valid"] * 3
    assert len(checked.problems) == 0
    assert [body["reference_id"] for body in checked.bodies()] == ["C0", "C1", "C2"]
    assert checked.folder.is_dir()
    assert checked.run_id == checked.folder.name
    source("other.csv", 5)
    both = importer.check([Path("small.csv"), "other.csv"], Path("small.yaml"), out=Path("elsewhere"), partial=True)
    assert both.folder.parent == Path("elsewhere")
    assert both.summary["rows"]["read"] == 10


def test_in_memory_tables_and_mappings_are_accepted(box) -> None:
    """Keys keep their zeros, problems name the table, formulas come back unmarked, and nothing is left behind."""
    checked = importer.check({"customers": frame()}, DICT)
    assert checked.customers["reference_id"].tolist() == ["0012", "C2", "C3"]
    assert checked.customers["company_name"].tolist() == ["Acme", "=Bolt", "Cog"]
    problem = checked.problems[checked.problems["code"] == "invalid_email"].iloc[0]
    assert (problem["source"], problem["row"], problem["column"], problem["value"]) == ("customers", 3, "Mail", "bad")
    assert checked.summary["mapping"]["name"] == "my-erp"
    assert "-m MAPPING" in " ".join(checked.summary["next"])
    sent = importer.run({"customers": frame()}, DICT, importer.Target(box.url, key=KEY), ledger="sqlite:///acme.db")
    assert sent.results["outcome"].tolist() == ["created", "rejected", "created"]
    assert sent.exit_code == 1
    assert sent.children["kind"].tolist() == ["contact", "contact"]
    assert sent.results["http_status"].dropna().tolist() == [201, 201]
    for path in Path().rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: importer.check("small.csv", "small.yaml", contry="US"), "UsageError", "Did you mean country?"),
        (lambda: importer.check("small.csv", "small.yaml", rate=5), "UsageError", "has no option 'rate'"),
        (
            lambda: importer.check("small.csv", "small.yaml", country="USA"),
            "OptionError",
            "country: 'USA' is not valid",
        ),
        (lambda: importer.check("small.csv", "small.yaml", lookups="no.json"), "UsageError", "no.json"),
        (lambda: importer.check("absent.csv", "small.yaml"), "NoSourceError", "absent.csv"),
        (lambda: importer.check({}, "small.yaml"), "UsageError", "no source"),
        (lambda: importer.check(frame(), DICT), "UsageError", '{"customers": frame}'),
        (lambda: importer.check({"a/b": frame()}, DICT), "UsageError", "'a/b'"),
        (
            lambda: importer.check({"a": frame().assign(Id=[1, 2, 3])}, DICT),
            "UsageError",
            "'Id' contains values that are not text",
        ),
        (lambda: importer.check("small.csv", {**DICT, "custmer": {}}), "MappingError", "mapping: unknown key"),
        (
            lambda: importer.check("small.csv", {"key": object()}),
            "MappingError",
            "a value that a mapping file cannot have",
        ),
        (lambda: importer.run("small.csv", "small.yaml"), "UsageError", "--api"),
        (lambda: importer.run("small.csv", "small.yaml", "staging"), "UsageError", "no API key"),
        (
            lambda: importer.run("small.csv", "small.yaml", "sandbox", rate="fast"),
            "OptionError",
            "rate: 'fast' is not valid",
        ),
        (lambda: importer.run("small.csv", "small.yaml", importer.Target("production", "k")), "UsageError", "--yes"),
        (lambda: importer.resume(key=KEY), "UsageError", "has no usable run yet"),
        (lambda: importer.undo(key=KEY, api_key_file="f"), "UsageError", "two API keys"),
    ],
)
def test_errors_are_raised_as_exceptions(call, error, said) -> None:
    with pytest.raises(getattr(importer.errors, error)) as raised:
        call()
    assert said in str(raised.value)
    assert type(raised.value).__name__ == error
    assert KEY not in repr(raised.value)


def test_target_never_shows_its_key() -> None:
    assert KEY not in repr(importer.Target("staging", key=KEY)) + str({"target": importer.Target("staging", KEY)})


def test_plan_run_retry_verify_and_undo_work_together(box) -> None:
    target = importer.Target(box.url, key=KEY)
    planned = importer.plan("small.csv", "small.yaml", target)
    assert planned.summary["plan"]["create"] == 3
    assert planned.changes is None
    sent = importer.run(plan=planned.run_id, api=target, limit=2, progress=lambda _: None)
    assert sorted(sent.results["outcome"]) == ["created", "created", "pending"]
    messages: list[str] = []
    resumed = importer.resume(key=KEY, progress=messages.append)
    assert (resumed.ok, resumed.run_id) == (True, sent.run_id)
    assert f"Using the latest run, {sent.run_id}." in messages
    assert "Nothing is left to send." not in messages
    assert importer.resume(key=KEY, progress=messages.append).ok
    assert "Nothing is left to send." in messages
    assert importer.retry(sent.run_id, key=KEY).ok
    assert importer.verify(key=KEY).customers["result"].tolist() == ["ok"] * 3
    source("small.csv", 2)
    Path("small.csv").write_text(Path("small.csv").read_text().replace("Company 0", "Firm 0"))
    changes = importer.plan("small.csv", "small.yaml", target, mode="upsert", partial=True).changes
    assert changes is not None
    assert set(changes["after"]) == {"Firm 0"}
    with pytest.raises(importer.errors.UsageError, match="you did not confirm"):
        importer.undo(key=KEY, confirm=lambda _: False)
    questions: list[str] = []
    undone = importer.undo(key=KEY, confirm=lambda question: not questions.append(question))
    assert undone.customers["result"].tolist() == ["deleted"] * 3
    assert "3 customers that it created will be deleted" in questions[0]
    assert box.counts()["customers"] == 0


def test_run_and_arun_work_in_an_event_loop(box) -> None:
    """``run`` blocks the loop; ``arun`` does not."""
    target = importer.Target(box.url, key=KEY)

    async def main() -> None:
        assert importer.check("small.csv", "small.yaml").ok
        assert importer.run("small.csv", "small.yaml", target, only="C0").results["outcome"][0] == "created"
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await anyio.sleep(0.01)
                ticks += 1

        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            sent = await importer.arun("small.csv", "small.yaml", target)
            group.cancel_scope.cancel()
        assert sent.ok
        assert ticks > 5
        with pytest.raises(importer.errors.UsageError, match="no option"):
            await importer.arun("small.csv", "small.yaml", target, contry="US")

    anyio.run(main)


def test_canceled_run_can_be_resumed() -> None:
    source("many.csv", 60)
    with running(SandboxConfig(latency=0.1)) as box:
        target = importer.Target(box.url, key=KEY)

        async def main() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: importer.arun("many.csv", "small.yaml", target, rate=100, concurrency=4))
                await anyio.to_thread.run_sync(wait_for, box, 4)
                group.cancel_scope.cancel()

        anyio.run(main)
        assert 4 <= box.counts()["customers"] < 60
        resumed = importer.resume(key=KEY, settle=0)
        assert resumed.ok
        assert box.counts()["customers"] == 60


def test_runs_work_in_threads(box) -> None:
    """Two accounts at once, outside the main thread; the main thread asks one of them to stop."""
    source("many.csv", 200)
    stop = threading.Event()
    target = importer.Target(box.url, key=KEY)
    with ThreadPoolExecutor(2) as pool:
        small = pool.submit(importer.run, "small.csv", "small.yaml", target, tenant="small", only="C0")
        many = pool.submit(importer.run, "many.csv", "small.yaml", target, tenant="many", rate=20, settle=0, stop=stop)
        assert small.result().results["outcome"][0] in {"created", "exists"}
        wait_for(box, 3)
        stop.set()
    assert many.result().exit_code == 3
    assert "interrupted" in str(many.result().stopped)


def test_run_works_as_a_scheduler_task(box) -> None:
    def task(path: str) -> dict:
        return importer.run(path, "small.yaml", importer.Target(box.url, key=KEY), yes=True).summary

    summary = json.loads(json.dumps(task("small.csv")))
    assert summary["customers"]["created"] == 3
    assert summary == json.loads(Path(summary["folder"], "summary.json").read_bytes())


def test_plain_script_works_with_several_processes(tmp_path) -> None:
    """``memory`` makes it work in partitions, as large sources do."""
    script = tmp_path / "script.py"
    script.write_text(
        "import importer\n"
        "if __name__ == '__main__':\n"
        "    print(importer.check('small.csv', 'small.yaml', memory='1GiB').customers['outcome'].tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True, cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("['valid', 'valid', 'valid']\n", "")


def test_importing_the_package_loads_nothing() -> None:
    code = "import sys, typing; old = {*sys.modules}; import importer; print(*{*sys.modules} - old)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["importer"]
    assert (ROOT / "importer" / "py.typed").exists()
    assert {*importer.__all__} == {*dir(importer)}
    with pytest.raises(AttributeError, match="suggset"):
        importer.suggset  # noqa: B018


# Options that only the command line has: what it prints, where options come from, a folder of jobs.
ONLY_THERE = {"json", "quiet", "config", "log", "log_level", "log_personal", "parallel"}
ONLY_HERE = {"progress", "stop", "counts", "began", "stage", "confirm", "key", "decided"}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("preview", python_api.PreviewOptions),
        ("values", python_api.ValuesOptions),
        ("check", python_api.CheckOptions),
        ("plan", python_api.PlanOptions),
        ("run", python_api.RunOptions),
        ("resume", python_api.ResumeOptions),
        ("retry", python_api.RetryOptions),
        ("undo", python_api.UndoOptions),
        ("verify", python_api.AfterOptions),
    ],
)
def test_keywords_match_the_command_line_options(name, known) -> None:
    from importer.cli.app import app

    command = next(item.callback for item in app.registered_commands if item.callback.__name__ == name)
    there = {*inspect.signature(command).parameters} - ONLY_THERE - {"ctx"}
    positional = {*inspect.signature(getattr(importer, name)).parameters} - {"options"}
    assert known.__optional_keys__ - ONLY_HERE | positional == there


def test_draft_is_answered_and_its_mapping_passes_check(place) -> None:
    rows = "".join(f"{n},Firm {n} Ltd,Bath,{'Inactive' if n == 2 else 'Active'}\n" for n in range(4))
    Path("new.csv").write_text(f"Customer Number,Company Name,City,Status\n{rows}")
    draft = importer.suggest("new.csv", country="GB")
    assert ([one.id for one in draft.open], draft.key, draft.layout) == (["skip:Status"], ["Customer Number"], "wide")
    answered = importer.suggest("new.csv", country="GB", answers={"skip:Status": "keep"})
    assert (answered.open, answered.answers) == ([], {"skip:Status": "keep"})
    for made, customers in ((draft, 3), (answered, 4)):
        Path("new.yaml").write_text(made.mapping, encoding="utf-8")
        assert len(importer.check("new.csv", mapping="new.yaml").customers) == customers
    frame = pd.read_csv("new.csv", dtype=str)
    assert importer.suggest({"customers": frame}, from_scratch=True).key == draft.key
    with pytest.raises(importer.errors.UsageError, match="there is no question"):
        importer.suggest("new.csv", answers={"key": "City"})


def test_loaded_tables_can_be_drafted_and_previewed(place) -> None:
    Path("list.csv").write_text(
        "Customers of 2024\n\nCode,Company Name,City\n0017,Alpha Ltd,Bath\n0018,Beta Ltd,York\n"
    )
    (table,) = (read := importer.read("list.csv")).tables
    assert (table.name, table.details["header_row"], table.row_numbers.tolist()) == ("list.csv", 3, [4, 5])
    assert table.frame["Code"].tolist() == ["0017", "0018"]
    draft = importer.suggest(read, targets={"City": "attributes.Town"}, skip={"Code": ["0018"]})
    importer.write_mapping(draft.mapping, "own.yaml")
    assert [body["attributes"] for body in importer.check("list.csv", "own.yaml").bodies()] == [
        [{"name": "Town", "value": "Bath"}]
    ]
    with pytest.raises(importer.errors.OutputError, match="exists"):
        importer.write_mapping(draft.mapping, "own.yaml")
    shown = importer.preview("list.csv", "own.yaml", row="list.csv:4")
    assert shown["customers"][0]["body"]["company_name"] == "Alpha Ltd"
    assert importer.mappings()["netsuite"]


def test_value_tables_runs_and_saved_lookups_work_from_python(place) -> None:
    Path("list.csv").write_text("Code,Company Name,Terms\n1,Alpha Ltd,N30\n2,Beta Ltd,net 30\n")
    mapping = {"title": "Terms", "key": "Code", "customer": {"company_name": "Company Name", "payment_term": "Terms"}}
    found = importer.values("list.csv", mapping, decided={("payment_term", "N30"): "Net 30"}, output="words.csv")
    assert {row["word"]: row["value"] for row in found["words"]}["N30"] == "Net 30"
    counts: list[dict[str, int]] = []
    began: list[str] = []
    how = {"ledger": "own.db", "values": "words.csv"}
    sent = importer.run("list.csv", mapping, "sandbox", **how, counts=counts.append, began=began.append)
    assert began == [sent.run_id]
    assert counts[-1] == {"pending": 0, "created": 2}
    assert [one["run_id"] for one in importer.runs(ledger="own.db")] == [sent.run_id]
    assert next(sent.bodies())["payment_term"] == "Net 30"
    assert importer.account("sandbox") == "sandbox"
    saved = importer.save_lookups("sandbox", "lookups.json", ledger="own.db")
    assert saved["price_lists"] > 0
