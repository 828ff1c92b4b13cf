"""Every command that is printed as advice works when pasted: it has all the options it needs, and is quoted."""

import re
import shlex
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime

import httpx
import pytest

from importer.cli.app import app
from importer.settings import Commands, Options
from importer.settings.pasted_commands import _TAKES
from tests.workflow.desk import KEY, Said

ACCOUNT = ("--ledger", "the ledger/of acme.db", "--tenant", "Acme & Co", "--api-key-file", "the key")


@pytest.fixture
def odd(desk):
    """A source with one rejected row, a mapping, and a key, in files with unusual names; no key elsewhere."""
    desk.small()
    (desk.path / "small.yaml").rename(desk.path / "my mapping.yaml")
    desk.write("my 'list'.csv", (desk.path / "small.csv").read_text() + "C9,Wrong,,no address,1 Main Street,Anytown\n")
    desk.write("the key", KEY).chmod(0o600)
    desk.environment = {"WIZCOMMERCE_API_KEY": "", "IMPORTER_YES": "1"}
    return desk


def printed(text: str) -> list[str]:
    """The commands in the output: on separate lines, or in backticks."""
    lines = re.findall(r"^    (importer .+)$", text, re.MULTILINE)
    return [*lines, *re.findall(r"`(importer [^`]+)`", " ".join(text.split()))]


def pasted(desk, command: str) -> Said:
    """Run the command with the words into which a shell splits it."""
    split = ["/bin/sh", "-c", f"importer() {{ printf '%s\\0' \"$@\"; }}; {command}"]
    words = subprocess.run(split, cwd=desk.path, capture_output=True, text=True, check=True).stdout
    return desk.do(*words.split("\0")[:-1])


def test_advised_commands_use_the_same_ledger_and_folder(odd, box) -> None:
    words = ("my 'list'.csv", "-m", "my mapping.yaml", "--country", "us", "--out", "the out", *ACCOUNT)
    said = odd.do("run", *words, "--api", box.url, "--limit", 1, "--mode", "upsert")
    assert said.code == 1, said.err
    resume, again, keep = printed(said.out)
    assert resume.startswith("importer resume 2")
    assert "rejected.xlsx" in again
    done = pasted(odd, resume)
    assert done.code == 1, done.err
    assert box.counts()["customers"] == 3
    assert printed(done.out) == [
        step.replace("the out/", f"{odd.path}/the out/").replace("'the out'", f"'{odd.path}/the out'")
        for step in (again, keep)
    ]
    assert pasted(odd, keep).code == 0
    done = pasted(odd, again)
    assert done.code == 1, done.err
    assert printed(done.out)
    assert len(list((odd.path / "the out").iterdir())) == 2
    with closing(sqlite3.connect(odd.path / "the ledger" / "of acme.db")) as ledger:
        assert ledger.execute("SELECT name FROM tenants").fetchall() == [("Acme & Co",)]
    assert not odd.state.exists()


def test_advised_commands_of_plan_and_check_work(odd, box) -> None:
    words = ("my 'list'.csv", "-m", "my mapping.yaml", "--out", "the out")
    assert odd.do("lookups", "save", "--api", box.url, "--to", "look ups.json", *ACCOUNT).code == 0
    said = odd.do("check", *words, "--lookups", "look ups.json")
    again, _ = printed(said.out)
    assert "'look ups.json'" in again
    assert pasted(odd, again).code == 1
    said = odd.do("plan", *words, "--api", box.url, "--mode", "upsert", *ACCOUNT)
    *_, apply = printed(said.out)
    assert "run --plan" in apply
    done = pasted(odd, apply)
    assert done.code == 1, done.err
    assert box.counts()["customers"] == 3
    clean = odd.do("check", odd.path / "small.csv", *words[1:])
    (plan,) = printed(clean.out)
    assert pasted(odd, plan).code == 0


def test_advice_repeats_a_config_file_instead_of_its_options(odd, box) -> None:
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    (odd.path / "my 'list'.csv").rename(odd.path / f"list-{today}.csv")
    odd.write(
        "the job.toml",
        f'sources = "list-{{date}}.csv"\nmapping = "my mapping.yaml"\napi = "{box.url}"\nout = "the out"\n'
        'ledger = "own.db"\napi-key-file = "the key"\ncountry = "US"\nnew-file = true\n',
    )
    config = ("--config", "the job.toml")
    apply = printed(odd.do("plan", *config).out)[-1]
    assert apply.endswith(" --config 'the job.toml'")
    assert "--ledger" not in apply
    done = pasted(odd, f"{apply} --limit 1")
    assert done.code == 1, done.err
    resume, again, _ = printed(done.out)
    assert resume.endswith(" --config 'the job.toml'")
    done = pasted(odd, resume)
    assert done.code == 1, done.err
    assert box.counts()["customers"] == 3
    assert "--config" not in again  # this --new-file is about the export
    assert pasted(odd, again).code == 1


def test_advised_commands_of_verify_and_undo_work(odd, box) -> None:
    words = ("my 'list'.csv", "-m", "my mapping.yaml", "--out", "the out", *ACCOUNT)
    run = odd.do("run", *words, "--api", box.url, "--json").summary["run_id"]
    url = f"{box.url}/v1/customers/{box.customers()[0]['id']}"
    httpx.patch(url, json={"company_name": "Another"}, headers={"X-API-Key": KEY}, trust_env=False).raise_for_status()
    said = odd.do("undo", run, *ACCOUNT)
    (force,) = printed(said.out)
    assert force == shlex.join(["importer", "undo", run, "--force", *ACCOUNT, "--rate", "5000"])
    assert pasted(odd, force).code == 0
    assert box.counts()["customers"] == 0


def test_advised_commands_of_errors_work(odd, box) -> None:
    words = ("my 'list'.csv", "-m", "my mapping.yaml", "--out", "the out", *ACCOUNT, "--api", box.url)
    assert odd.do("run", *words).code == 1
    said = odd.do("report", "none", *ACCOUNT[:4])
    assert said.code == 2
    (runs,) = printed(said.err)
    assert runs == shlex.join(["importer", "runs", *ACCOUNT[:4]])
    assert pasted(odd, runs).code == 0
    odd.write("my 'list'.csv", (odd.path / "my 'list'.csv").read_text().replace("Main", "High"))
    said = odd.do("run", *words, "--mode", "upsert", "--max-changed", 0)
    assert said.code == 3
    (plan,) = [command for command in printed(said.out) if "importer plan" in command]
    assert pasted(odd, plan).code == 1


def test_advice_contains_no_customer_ids(odd, box) -> None:
    """Advice is logged and sent with notifications, and a reference ID may be a name."""
    odd.write("names.csv", "Id,Name,Phone,Mail,Street,Town\nAnna Berg,Firm,,,,\nCarl Dahl,Firm,,,,\n")
    words = ("names.csv", "-m", "my mapping.yaml", *ACCOUNT, "--api", box.url, "--only", "Anna Berg", "--log", "log")
    assert odd.do("run", *words).code == 0
    odd.write("names.csv", (odd.path / "names.csv").read_text().replace("Firm", "Company"))
    said = odd.do("run", *words, "--mode", "upsert", "--max-changed", 0)
    assert said.code == 3
    assert "--only ID" in said.out
    assert "Anna" not in said.out + (odd.path / "log").read_text()


def test_repeated_options_exist_for_their_commands(desk) -> None:
    """Compares the table of options for pasted commands with the commands' own options."""
    for name, options in _TAKES.items():
        shown = desk.do(name, "--help").out.replace("[no-]", "")
        assert not [option for option in options if f"--{option.rstrip('_').replace('_', '-')}" not in shown], name
    assert set(_TAKES) <= {str(one.name or one.callback.__name__) for one in app.registered_commands}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://me:secret@host/db?options=-csearch_path%3Dacme", "postgresql://me@host/db?options=-csearch_path%3Dacme"),
        ("postgresql://host/db?user=me&password=secret", "postgresql://host/db?user=me&"),
        ("of acme.db", "of acme.db"),
    ],
)  # fmt: skip
def test_commands_show_no_passwords(value, shown) -> None:
    assert Commands.of(Options(ledger=value)).line("runs") == shlex.join(["importer", "runs", "--ledger", shown])


def test_source_url_with_a_possible_secret_is_not_shown() -> None:
    options = Options(sources=("https://example.com/a.csv?sig=secret", "b.csv", "-c.csv"), mapping="xero", rate=0.5)
    line = Commands.of(options).line("plan", "--mode", "upsert")
    assert line == "importer plan SOURCE b.csv ./-c.csv --mode upsert -m xero --api sandbox --rate 0.5"


@pytest.mark.parametrize(
    "text",
    [
        "Save it again: importer lookups save --api TARGET --to FILE.",
        "`importer explain` lists all",
        "`importer adopt … --only ID`",
        "It's `importer resume's` turn",
        "Nothing to do.",
    ],
)
def test_incomplete_commands_stay_as_they_are(text) -> None:
    assert Commands.of(Options(ledger="x")).completed(text) == text


def test_command_is_completed_once() -> None:
    commands = Commands.of(Options(ledger="a b", settle=0, only=frozenset({"B", "A"})), run="r1", kept={"rate": "auto"})
    once = commands.completed("Go on: importer resume")
    assert once == "Go on: importer resume r1 --ledger 'a b' --settle 0"
    assert commands.completed(once) == once
    commands = Commands.of(Options(sources=("a.csv",), mapping="xero", config="b c", configured=frozenset({"api"})))
    once = commands.completed("See `importer plan --mode upsert`.")
    assert once == "See `importer plan a.csv --mode upsert -m xero --config 'b c'`."
    assert commands.completed(once) == once
