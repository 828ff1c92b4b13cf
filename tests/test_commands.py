"""The command line as users see it: messages, exit codes, streams, and the sample data end to end."""

import csv
import json
import re
import socket
import stat
from pathlib import Path

import pytest

from importer.cli import main
from importer.sandbox import SandboxConfig
from tests.running_sandbox import running

ROOT = Path(__file__).parent.parent
SAMPLE = "sap-business-one"  # has joined tables
KEY = "a-key-that-must-not-be-found-anywhere"


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Runs a command in an empty folder; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("WIZCOMMERCE_API_KEY", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["importer", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return run


@pytest.fixture
def files(tmp_path) -> Path:
    (tmp_path / "good.csv").write_text(
        "ID,Company Name,Address 1,City\nA1,Acme LLC,1 Main St,Marlow\nA2,Bolt LLC,2 Main St,Marlow\n"
    )
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("ID,Company Name\n")
    (tmp_path / "rubbish.csv").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "other.csv").write_text("Foo,Bar\n1,2\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "typo.yaml").write_text("title: T\nkey: ID\ncustomer:\n  company_nam: Company Name\n")
    (tmp_path / "broken.yaml").write_text("title: [T\n")
    (tmp_path / "key.txt").write_text(KEY)
    (tmp_path / "key.txt").chmod(0o644)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "nowhere.csv", "-m", "xero"], 2, "nowhere.csv"),
        (["check", "empty.csv", "-m", "xero"], 2, "empty"),
        (["check", "header.csv", "-m", "netsuite"], 2, "no data row"),
        (["check", "rubbish.csv", "-m", "netsuite"], 2, "binary"),
        (["check", "folder", "-m", "netsuite"], 2, "no readable files"),
        (["check", "good.csv", "-m", "nestuite"], 2, "Did you mean netsuite?"),
        (["check", "good.csv", "-m", "typo.yaml"], 2, "typo.yaml:4: customer: unknown key 'company_nam'; did you mean"),
        (["check", "good.csv", "-m", "broken.yaml"], 2, "broken.yaml:2: not valid YAML"),
        (["check", "other.csv", "-m", "netsuite"], 2, "'Foo', 'Bar'"),
        (["check", "good.csv", "-m", "netsuite", "--out", "taken"], 2, "--out"),
        (["check", "good.csv", "-m", "netsuite", "--country", "USA"], 2, "two-letter code"),
        (["check", "good.csv", "-m", "netsuite", "--config", "nowhere.toml"], 2, "nowhere.toml"),
        (["check", "good.csv"], 2, "--mapping"),
        (["run", "good.csv", "-m", "netsuite", "--api", "staging"], 2, "WIZCOMMERCE_API_KEY"),
        (["run", "good.csv", "-m", "netsuite", "--api", "staging", "--api-key-file", "key.txt"], 2, "chmod 600"),
        (["run", "good.csv", "-m", "netsuite", "--api", "http://example.com"], 2, "https"),
        (["run", "good.csv", "-m", "netsuite", "--api", "sandbox", "--rate", "fast"], 2, "auto"),
        (["run", "good.csv", "-m", "netsuite", "--api", "sandbox", "--limit", "0"], 2, "--limit"),
        (["run", "good.csv", "-m", "netsuite", "--api", "sandbox", "--ledger", "good.csv"], 3, "--ledger"),
        (["resume"], 2, "has no usable run yet"),
        (["report", "20200101-000000"], 2, "importer runs"),
        (["chekc"], 2, "check"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_say_what_to_do(command, files, monkeypatch, arguments, code, said) -> None:
    if arguments[-1] == "http://example.com":
        monkeypatch.setenv("WIZCOMMERCE_API_KEY", KEY)
    got, out, err = command(*arguments)
    assert got == code
    assert said in " ".join(err.split())
    assert out == ""
    assert "Traceback" not in err
    assert KEY not in err


def test_check_opens_no_connection(command, monkeypatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("check opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "connect_ex", refused)
    code, out, _ = command("check", str(ROOT / "sample_data" / SAMPLE), "-m", SAMPLE, "--country", "US", "--json")
    summary = json.loads(out)
    assert code == summary["exit_code"] == 1
    folder = Path(summary["folder"])
    assert json.loads((folder / "summary.json").read_text()) == summary
    rows, customers = summary["rows"], summary["customers"]
    assert rows["read"] == rows["used"] + rows["skipped"] + rows["rejected"]
    assert customers["read"] == customers["valid"] + customers["rejected"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_sample_is_created_once_and_a_second_run_sends_nothing(command, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("WIZCOMMERCE_API_KEY", KEY)
    with running(SandboxConfig(keys=(KEY,))) as server:
        arguments = ["run", str(ROOT / "sample_data" / SAMPLE), "-m", SAMPLE, "--country", "US", "--api", server.url]
        code, out, _ = command(*arguments, "--rate", "500", "--json")
        first = json.loads(out)
        assert code == 1
        held = {customer["reference_id"]: customer["id"] for customer in server.customers()}
        assert len(held) == len(server.customers()) == first["customers"]["created"]
        with (Path(first["folder"]) / "results.csv").open(encoding="utf-8", newline="") as file:
            created = {row["reference_id"]: row["customer_id"] for row in csv.DictReader(file) if row["customer_id"]}
        assert created == held
        before = len(server.requests())
        code, out, _ = command(*arguments, "--quiet", "--json")
        again = json.loads(out)
        assert again["customers"]["unchanged"] == first["customers"]["created"]
        assert [seen.method for seen in server.requests()[before:] if seen.method != "GET"] == []
        assert command("verify")[0] == 0
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert (Path(first["folder"]) / "payloads.jsonl").read_bytes() == (
        Path(again["folder"]) / "payloads.jsonl"
    ).read_bytes()


def test_refusal_is_traced_to_its_cell(command, monkeypatch, tmp_path) -> None:
    """The sandbox refuses a price list that it does not know: its ID is a valid UUID."""
    (tmp_path / "own.yaml").write_text(
        "title: T\nkey: ID\ncustomer: {company_name: Name, assigned_price_list_id: Prices}\n"
    )
    unknown = "00000000-0000-4000-8000-000000000000"
    (tmp_path / "list.csv").write_text(f"ID,Name,Prices\nA,Acme LLC,\nB,Bolt LLC,{unknown}\n")
    monkeypatch.setenv("WIZCOMMERCE_API_KEY", KEY)
    with running() as server:
        code, out, _ = command("run", "list.csv", "-m", "own.yaml", "--api", server.url, "--json")
    summary = json.loads(out)
    assert code == 1
    assert (summary["customers"]["created"], summary["customers"]["failed"], summary["refused"]) == (1, 1, 1)
    folder = Path(summary["folder"])
    with (folder / "errors.csv").open(encoding="utf-8", newline="") as file:
        (problem,) = csv.DictReader(file)
    assert (problem["code"], problem["row"], problem["column"], problem["value"]) == (
        "api_refused",
        "3",
        "Prices",
        unknown,
    )
    assert "Bolt LLC" in (folder / "rejected" / "list.csv").read_text()


def test_limit_leaves_the_rest_for_resume(command, files) -> None:
    code, out, _ = command("run", "good.csv", "-m", "netsuite", "--api", "sandbox", "--limit", "1", "--json")
    assert (code, json.loads(out)["customers"]["created"], json.loads(out)["customers"]["pending"]) == (0, 1, 1)
    code, out, _ = command("resume", "--json")
    assert (code, json.loads(out)["customers"]["created"]) == (0, 2)
    code, out, _ = command("runs")
    assert code == 0
    assert "2 created" in out
    assert command("report")[0] == 0
    code, out, err = command("undo")  # there is no terminal to ask on
    assert code == 2
    (advice,) = (line.partition(": importer ")[2] for line in err.splitlines() if ": importer undo" in line)
    assert command("undo", "--yes")[0] == 2, "which run?"
    assert command(*advice.split())[0] == 0
    code, out, _ = command("run", "good.csv", "-m", "netsuite", "--api", "sandbox", "--json")
    assert json.loads(out)["customers"]["created"] == 2


@pytest.mark.parametrize(("guard", "code"), [(["--strict"], 3), (["--max-rejected", "10%"], 3), ([], 1)])
def test_guards_stop_before_anything_is_sent(command, tmp_path, guard, code) -> None:
    (tmp_path / "list.csv").write_text("ID,Company Name,Email\nA,Acme LLC,no address\nB,Bolt LLC,b@example.com\n")
    got, out, _ = command("run", "list.csv", "-m", "netsuite", "--api", "sandbox", "--json", *guard)
    summary = json.loads(out)
    assert got == code
    assert summary["customers"]["created"] == (0 if guard else 1)
    assert (Path(summary["folder"]) / "rejected" / "list.csv").exists()


def test_options_come_from_flags_then_the_environment_then_the_file(command, files, monkeypatch) -> None:
    (files / "job.toml").write_text('sources = ["good.csv"]\nmapping = "netsuite"\nout = "from-file"\ncountry = "GB"\n')
    monkeypatch.setenv("IMPORTER_OUT", "from-environment")
    code, out, _ = command("check", "--config", "job.toml", "--country", "US", "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary["folder"].startswith("from-environment")
    assert summary["options"]["country"] == "US"
    (files / "job.toml").write_text('maping = "netsuite"\n')
    code, _, err = command("check", "good.csv", "--config", "job.toml")
    assert code == 2
    assert "'maping'" in err


def commands_of_the_readme() -> set[str]:
    return set(re.findall(r"importer ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"))) & {
        "adopt", "check", "correct", "example", "explain", "ids", "ledger", "lookups", "mappings", "open", "plan",
        "preview", "report", "resume", "retry", "run", "runs", "sandbox", "suggest", "undo", "values", "verify",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(commands_of_the_readme()))
def test_every_command_in_the_readme_has_help(command, monkeypatch, name) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = command(name, "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert f"  importer {name}" in out.split("\nExample")[1]  # examples come last


def test_readme_names_every_command(command) -> None:
    _, out, _ = command("--help")
    listed = set(re.findall(r"^  ([a-z]+) ", out.partition("Start:")[2].partition("Options:")[0], re.MULTILINE))
    assert listed == commands_of_the_readme()
