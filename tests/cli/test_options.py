"""Where options come from (flags, environment, file), and how commands print (text, JSON, nothing)."""

import contextlib
import json
import re
import sqlite3

import pytest

from importer.cli.app import app
from tests.workflow.desk import KEY, SAMPLES

COMMANDS = sorted(str(command.name or command.callback.__name__) for command in app.registered_commands)


def country(desk, *words: object) -> str | None:
    """The country that a check uses: the option that is tried in all four places here."""
    said = desk.do("check", *desk.small(), "--json", *words)
    assert said.code == 0, said.err
    found: str | None = said.summary["options"].get("country")
    return found


def test_flag_overrides_environment_overrides_file_overrides_default(desk) -> None:
    desk.write("job.toml", 'country = "DE"\n')
    assert country(desk) is None
    assert country(desk, "--config", "job.toml") == "DE"
    desk.environment["IMPORTER_COUNTRY"] = "gb"
    assert country(desk, "--config", "job.toml") == "GB"
    assert country(desk, "--config", "job.toml", "--country", "US") == "US"
    desk.environment = {"IMPORTER_CONFIG": "job.toml"}
    assert country(desk) == "DE"


def test_all_options_work_in_the_config_file(desk, box) -> None:
    desk.small(6)
    desk.write(
        "job.toml",
        f'sources = ["small.csv"]\nmapping = "small.yaml"\napi = "{box.url}"\nonly = ["C1", "C3"]\nrate = 5000\n'
        'out = "elsewhere"\nledger = "own.db"\ntenant = "shop"\nmax-rejected = 20\nbatch_size = 2\nsettle = 1.5\n'
        "json = true\nquiet = true\nstrict = false\nlimit = 1\n",
    )
    said = desk.do("run", "--config", "job.toml")
    assert (said.code, said.err) == (0, "")
    assert said.folder.parent == desk.path / "elsewhere"
    options = said.summary["options"]
    assert (options["only"], options["rate"], options["max_rejected"]) == (["C1", "C3"], 5000.0, "20")
    assert (options["batch_size"], options["settle"], options["tenant"]) == (2, 1.5, "shop")
    assert [one["reference_id"] for one in box.customers()] == ["C1"]
    assert (desk.path / "own.db").is_file()
    assert not desk.state.exists()


def test_one_config_file_works_for_all_commands(desk) -> None:
    """Options of other commands are allowed."""
    desk.small(2)
    desk.write(
        "jobs/shop.toml",
        'sources = "../small.csv"\nmapping = "../small.yaml"\napi = "sandbox"\nout = "../out"\ntenant = "shop"\n'
        'keep = 2\nmode = "upsert"\nnew-file = true\nledger = "../own.db"\n',
    )
    for command in (["check"], ["plan"], ["run"], ["resume"], ["verify"], ["report"]):
        said = desk.do(*command, "--config", "jobs/shop.toml", "--json")
        assert said.code == 0, said.err
        assert said.folder.resolve().parent == desk.path / "out"
    assert (desk.path / "own.db").is_file()
    assert desk.do("runs", "--config", "jobs/shop.toml", "--json").out.count("run_id") == 1


def test_single_value_may_replace_a_list(desk, box) -> None:
    desk.small(3)
    desk.write("job.toml", 'sources = "small.csv"\nmapping = "small.yaml"\nonly = "C1"\n')
    said = desk.do("run", "--config", "job.toml", "--api", box.url, "--json")
    assert said.outcomes == {"C0": "pending", "C1": "created", "C2": "pending"}


def test_options_of_one_command_also_work_as_variables(desk) -> None:
    desk.small()
    desk.environment = {"IMPORTER_OUTPUT": "draft.yaml", "IMPORTER_FROM_SCRATCH": "1", "IMPORTER_SKIP": "Town=Anytown"}
    assert desk.do("suggest", "small.csv").code == 0
    assert "Anytown" in (desk.path / "draft.yaml").read_text(encoding="utf-8")


def test_lists_in_variables_are_split_at_spaces(desk, box) -> None:
    desk.small(4)
    desk.environment = {"IMPORTER_ONLY": "C0 C2", "IMPORTER_SOURCES": "small.csv", "IMPORTER_MAPPING": "small.yaml"}
    said = desk.do("run", "--api", box.url, "--rate", 5000, "--json")
    assert said.outcomes == {"C0": "created", "C1": "pending", "C2": "created", "C3": "pending"}
    assert said.code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('maping = "netsuite"\n', "job.toml: unknown option 'maping'"),
        ("mapping = \n", "job.toml: not valid TOML"),
        ('api-key = "secret"\n', "unknown option 'api-key'"),
        ("latency = 8080\n", "unknown option 'latency'"),
    ],
)
def test_wrong_config_file_is_reported_first(desk, text, said) -> None:
    desk.write("job.toml", text)
    answer = desk.do("check", "absent.csv", "-m", "xero", "--config", "job.toml")
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limit = 'many'\n", "job.toml: limit: 'many' is not valid"),
        ("limit = [1, 2]\n", "job.toml: limit: [1, 2] is not valid"),
        ("limit = true\n", "job.toml: limit: True is not valid"),
        ("rate = nan\n", "job.toml: rate: nan is not valid"),
        ("batch_size = 1e3\n", "job.toml: batch-size: 1000.0 is not valid"),
        ("max-wait = -1\n", "job.toml: max-wait: -1 is not valid"),
        ("mode = 'replace'\n", "job.toml: mode: 'replace' is not valid"),
        ("on-conflict = true\n", "job.toml: on-conflict: True is not valid"),
        ("tenant = 2030-01-01\n", "job.toml: tenant: datetime.date(2030, 1, 1) is not valid"),
        ("log = false\n", "job.toml: log: False is not valid"),
        ("strict = 'perhaps'\n", "job.toml: strict: a value of the wrong kind"),
        ("json = 'perhaps'\n", "job.toml: json: a value of the wrong kind"),
        ("sources = 5\n", "5: no such file"),
    ],
)
def test_wrong_config_value_is_reported_with_its_key(desk, text, said) -> None:
    desk.environment["IMPORTER_RATE"] = ""  # a value would override the file
    desk.write("job.toml", text)
    words = desk.small()[1:] if text.startswith("sources") else desk.small()
    answer = desk.do("run", *words, "--api", "sandbox", "--config", "job.toml")
    assert (answer.code, answer.out) == (2, ""), answer.err
    assert f"importer: {said}" in answer.err
    assert not desk.state.exists()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CONCURRENCY", "99999999", "IMPORTER_CONCURRENCY: '99999999' is not valid"),
        ("TIMEOUT", "inf", "IMPORTER_TIMEOUT: 'inf' is not valid"),
        ("MAX_WAIT", "soon", "IMPORTER_MAX_WAIT: 'soon' is not valid"),
        ("MODE", "replace", "IMPORTER_MODE: 'replace' is not valid"),
        ("NEW_FILE", "perhaps", "IMPORTER_NEW_FILE: a value of the wrong kind"),
    ],
)
def test_wrong_variable_value_is_reported_with_its_name(desk, name, value, said) -> None:
    desk.environment[f"IMPORTER_{name}"] = value
    answer = desk.do("run", *desk.small(), "--api", "sandbox")
    assert (answer.code, answer.out) == (2, ""), answer.err
    assert f"importer: {said}" in answer.err


def test_wrong_value_stored_by_plan_or_run_is_reported(desk, box) -> None:
    plan = desk.do("plan", *desk.small(), "--api", box.url, "--json")
    kept = plan.folder / "work" / "plan.json"
    facts = json.loads(kept.read_bytes())
    kept.write_text(json.dumps(facts | {"options": facts["options"] | {"mode": "replace"}}))
    said = desk.do("run", "--plan", plan.summary["run_id"])
    assert said.code == 2
    assert f"plan {plan.summary['run_id']}: mode: 'replace' is not valid" in said.err
    run = desk.do("run", *desk.small(), "--api", box.url, "--limit", 1, "--json").summary["run_id"]
    with contextlib.closing(sqlite3.connect(desk.state / "importer" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE runs SET options = json_set(options, '$.on_conflict', 'win')")
    said = desk.do("resume")
    assert said.code == 2
    assert f"run {run}: on-conflict: 'win' is not valid" in said.err


def test_max_wait_works_like_other_options(desk, box) -> None:
    desk.write("job.toml", 'max-wait = "2h"\n')
    for words, seconds in (([], 900.0), (["--config", "job.toml"], 7200.0), (["--max-wait", "90"], 90.0)):
        said = desk.do("run", *desk.small(), "--api", box.url, "--json", *words)
        assert (said.code, said.summary["options"]["max_wait"]) == (0, seconds)
    for command in ("run", "resume", "retry", "plan", "adopt", "verify", "undo"):
        assert "--max-wait" in desk.do(command, "--help").out


def test_json_is_one_object_equal_to_summary_json(desk, box) -> None:
    for command in (("check",), ("run", "--api", box.url)):
        said = desk.do(command[0], *desk.small(), *command[1:], "--json")
        assert said.code == 0
        assert json.loads((said.folder / "summary.json").read_text(encoding="utf-8")) == said.summary
        assert said.summary["exit_code"] == 0
    again = desk.do("report", "--json")
    assert again.summary["run_id"] == said.summary["run_id"]
    assert json.loads((said.folder / "summary.json").read_text(encoding="utf-8")) == again.summary


def test_policy_without_effect_is_reported(desk, box) -> None:
    told = "--on-conflict overwrite has no effect without --mode upsert."
    words = ("run", *desk.small(), "--api", box.url, "--on-conflict", "overwrite")
    assert told in desk.do(*words).err
    assert told not in desk.do(*words, "--mode", "upsert").err


def test_progress_is_on_stderr_unless_quiet(desk, box) -> None:
    words = ("run", *desk.small(), "--api", box.url, "--rate", 5000)
    loud, silent = desk.do(*words), desk.do(*words, "--quiet")
    assert "3 of 3 customers" in loud.err
    assert silent.err == ""
    assert loud.out.startswith("All 3 customers were created.\n")
    assert silent.out.startswith("All 3 customers were unchanged.\n")
    assert "\x1b" not in loud.out + loud.err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_an_example(desk, name, flag) -> None:
    said = desk.do(name, flag)
    assert (said.code, said.err) == (0, "")
    assert re.search(rf"Examples?:\s+importer {name}\b", said.out)


def test_option_groups_have_a_fixed_order(desk) -> None:
    groups = re.findall(r"^([A-Z]\w+):$", desk.do("suggest", "--help").out, re.MULTILINE)
    assert groups == ["Source", "Mapping", "Questions", "Output", "Advanced", "Examples"]


def test_version_and_help_are_shown(desk) -> None:
    assert re.fullmatch(r"importer \d+\.\d+\.\d+\n", desk.do("--version").out)
    said = desk.do("-h")
    assert said.code == 0
    assert all(re.search(rf"^  {name} ", said.out, re.MULTILINE) for name in COMMANDS)
    assert "Exit codes" in said.out
    bare = desk.do()
    assert (bare.code, bare.out) == (2, "")


def test_mappings_are_listed_and_explained(desk) -> None:
    listed = desk.do("mappings")
    assert listed.code == 0
    assert all(path.name in listed.out for path in SAMPLES.iterdir() if path.is_dir())
    told = desk.do("mappings", "xero")
    assert told.code == 0
    assert "ContactName" in told.out
    desk.small()
    assert "A small mapping" in desk.do("mappings", "small.yaml").out
    wrong = desk.do("mappings", "xreo")
    assert (wrong.code, wrong.out) == (2, "")
    assert "Did you mean xero?" in wrong.err


def test_key_is_not_an_option(desk) -> None:
    said = desk.do("run", *desk.small(), "--api", "sandbox", "--api-key", KEY)
    assert (said.code, said.out) == (2, "")
    assert KEY not in said.err


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (["check"], "check [OPTIONS] SOURCE..."),
        (["open"], "open [OPTIONS] [SOURCE]..."),
        (["report"], "report [OPTIONS] [RUN]"),
        (["mappings"], "mappings [OPTIONS] [NAME] [FILE]"),
        (["ledger", "forget"], "ledger forget [OPTIONS] ID..."),
    ],
)
def test_usage_shows_each_argument_once(desk, words, usage) -> None:
    assert desk.do(*words, "--help").out.splitlines()[0] == f"Usage: importer {usage}"
