"""Every error that a user can cause: its message, stream, and exit code; and nothing was sent."""

import socket

import pytest

from importer.cli.app import failed
from importer.errors import InterruptedRunError
from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.workflow.desk import KEY, MAPPING, Desk
from tests.workflow.strict_api import strict_api

CHECK = ("check", "small.csv", "-m", "small.yaml")
FILES: dict[str, str | bytes] = {
    "empty.csv": "",
    "header.csv": "Id,Name,Phone,Mail,Street,Town\n",
    "binary.csv": bytes(range(256)) * 40,
    "fake.xlsx": b"PK\x03\x04 and no more",
    "other.csv": "Colour,Size\nred,5\n",
    "typo.yaml": "title: T\nkey: Id\ncustomer:\n  company_name: [Name\n",
    "unknown.yaml": MAPPING.replace("company_name", "compny_name"),
    "keyless.yaml": MAPPING.replace("key: Id\n", ""),
    "function.yaml": MAPPING.replace("company_name: Name", "company_name: {from: Name, as: nonsense}"),
    "latin.yaml": MAPPING.encode() + b"# caf\xe9\n",
    "taken": "a file",
    "text.db": "this is no database\n" * 100,
    "key.txt": "",
    "folder/.hidden": "",
}


@pytest.fixture
def full(desk) -> Desk:
    desk.small()
    for name, content in FILES.items():
        desk.write(name, content)
    return desk


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "absent.csv", "-m", "small.yaml"), "absent.csv: no such file"),
        (("check", "absent*.csv", "-m", "small.yaml"), "no file matches"),
        (("check", "http://example.com/a.csv", "-m", "small.yaml"), "https"),
        (("check", "empty.csv", "-m", "small.yaml"), "empty.csv: the file is empty"),
        (("check", "header.csv", "-m", "small.yaml"), "there are no data rows below it"),
        (("check", "folder", "-m", "small.yaml"), "contains no readable files"),
        (("check", "binary.csv", "-m", "small.yaml"), "binary data, not a table"),
        (("check", "fake.xlsx", "-m", "small.yaml"), "the workbook cannot be read"),
        (("check", "other.csv", "-m", "small.yaml"), "The file's columns are 'Colour', 'Size'"),
        (("check", "small.csv", "-m", "netsuit"), "Did you mean netsuite?"),
        (("check", "small.csv", "-m", "absent.yaml"), "absent.yaml: no such mapping file"),
        (("check", "small.csv", "-m", "folder"), "folder"),
        (("check", "small.csv", "-m", "typo.yaml"), "typo.yaml:5: not valid YAML"),
        (("check", "small.csv", "-m", "unknown.yaml"), "unknown.yaml:4: customer: unknown key 'compny_name'"),
        (("check", "small.csv", "-m", "keyless.yaml"), "keyless.yaml:1: key is missing"),
        (("check", "small.csv", "-m", "function.yaml"), "function.yaml:4:"),
        (("check", "small.csv", "-m", "latin.yaml"), "Save the file as UTF-8"),
        (("check", "small.csv"), "--mapping is missing"),
        (("check", "-m", "small.yaml"), "SOURCE"),
        ((*CHECK, "--out", "taken"), "--out"),
        ((*CHECK, "--out", "taken/below"), "--out"),
        ((*CHECK, "--country", "USA"), "Did you mean US? Use the two-letter code"),
        ((*CHECK, "--country", "uk"), "Did you mean GB?"),
        ((*CHECK, "--sheet", "Data"), "--sheet 'Data': none of the sources is a workbook"),
        ((*CHECK, "--country", "ZZ"), "--country: 'ZZ' is not valid"),
        ((*CHECK, "--country", "Germany"), "--country: 'Germany' is not valid Did you mean DE?"),
        ((*CHECK, "--encoding", "utf-99"), "'utf-99' is not an encoding"),
        ((*CHECK, "--delimiter", "ab"), "one character"),
        ((*CHECK, "--api", "sandbox"), "--api"),
        (("report", "20200101-000000"), "no run, plan, or check 20200101-000000 `importer runs` lists the runs."),
        (("resume", "20200101-000000"), "`importer runs` lists all runs"),
        (("report",), "has no usable run yet"),
        (("chek",), "check"),
        (("sandbox", "--port", "99999"), "'--port': Input should be less than or equal to 65535"),
        (("sandbox", "--port", "-5"), "'--port'"),
        (("sandbox", "--faults", "boom=2%"), "'boom' is not a fault"),
        (("sandbox", "--rate", "0"), "--rate: Input should be greater than or equal to 1"),
        (("sandbox", "--port", "0", "--data", "taken/below"), "cannot be opened"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_and_wrong_files_exit_with_2(full, words, said) -> None:
    answer = full.do(*words)
    assert (answer.code, answer.out) == (2, ""), answer.err
    assert said in " ".join(answer.err.split())
    assert "Traceback" not in answer.err
    assert not list(full.path.glob("results/*/summary.json"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "fast"), "100,000, or auto"),
        *[(("--rate", number), "--rate: '") for number in ("0", "-1", "nan", "inf")],
        (("--limit", "0"), "--limit: '0' is not valid"),
        (("--limit", "few"), "--limit: 'few' is not valid"),
        (("--concurrency", "0"), "--concurrency: '0' is not valid"),
        (("--batch-size", "0"), "--batch-size: '0' is not valid"),
        *[(("--timeout", number), "--timeout: '") for number in ("0", "nan", "inf")],
        *[(("--settle", number), "--settle: '") for number in ("-1", "nan", "inf")],
        (("--max-rejected", "few"), "20 or 5%"),
        (("--max-rejected", "101%"), "20 or 5%"),
        (("--max-failed", "0"), "--max-failed: '0' is not valid"),
        (("--mode", "replace"), "--mode: 'replace' is not valid"),
        (("--only", "C9"), "the sources have no customer 'C9'"),
        (("--only", ""), "the sources have no customer ''"),
        (("--ledger", "mysql://db/x"), "--ledger"),
        (("--out", "taken"), "--out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_run_option_exits_with_2_before_api_requests(full, words, said, box) -> None:
    answer = full.do("run", *CHECK[1:], "--api", box.url, *words)
    assert (answer.code, answer.out) == (2, ""), answer.err
    assert said in " ".join(answer.err.split())
    assert [seen for seen in box.requests() if seen.path != "/v1/attributes"] == []


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("stagin", "neither a known name nor an http(s) URL: stagin\n  Did you mean staging?"),
        ("http://api.example.com", "plain http would expose the key to the network"),
        ("https://api.example.com/v2", "Only /v1 may follow"),
        ("https://me:secret-word@api.example.com", "user name or password"),
        ("", "--api"),
    ],
)
def test_wrong_api_url_exits_with_2_and_shows_no_secret(full, api, said) -> None:
    answer = full.do("run", *CHECK[1:], "--api", api)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert "secret-word" not in answer.err


def test_missing_or_readable_key_exits_with_2(full) -> None:
    full.environment["WIZCOMMERCE_API_KEY"] = ""
    words = ("run", *CHECK[1:], "--api", "staging")
    for more, said in (
        ((), "WIZCOMMERCE_API_KEY"),
        (("--api-key-file", "absent.txt"), "absent.txt: no such file\n  Check --api-key-file."),
        (("--api-key-file", "key.txt"), "chmod 600 key.txt"),
    ):
        (full.path / "key.txt").write_text(KEY)
        (full.path / "key.txt").chmod(0o644)
        answer = full.do(*words, *more)
        assert (answer.code, answer.out) == (2, "")
        assert said in answer.err
        assert KEY not in answer.err
    (full.path / "key.txt").chmod(0o600)
    with strict_api() as api:
        answer = full.run(api.url, *CHECK[1:], "--api-key-file", "key.txt")
    assert answer.summary["customers"]["created"] == 3


@pytest.mark.parametrize("name", ["text.db", "folder", "folder/.hidden/ledger.db"])
@pytest.mark.parametrize("command", ["run", "runs", "report", "resume"])
def test_unusable_ledger_exits_with_3(full, command, name) -> None:
    words = (*CHECK[1:], "--api", "http://127.0.0.1:9") if command == "run" else ()
    answer = full.do(command, *words, "--ledger", name)
    assert (answer.code, answer.out) == (3, "")
    assert "--ledger" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        *(("ledger", "check"), ("ledger", "backup", "copy.db"), ("ledger", "vacuum"), ("ledger", "forget", "C0", "-y")),
        *(("runs",), ("ids",), ("report",), ("resume",), ("retry",), ("undo",), ("verify",)),
    ],
    ids=" ".join,
)
def test_missing_ledger_is_not_created(full, words) -> None:
    answer = full.do(*words, "--ledger", "absent.db")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "importer: absent.db: no such file\n  Check --ledger.\n"
    full.do(*words)
    assert not [*full.path.glob("absent.db*"), *full.path.glob("copy.db"), *full.state.rglob("*.db")]


@pytest.mark.usefixtures("at_once")
def test_unreachable_api_exits_with_3(desk) -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        said = desk.run(url, *desk.small())
    assert said.code == 3
    assert said.summary["customers"]["pending"] == 3
    assert "127.0.0.1" in said.summary["stopped"] or "connect" in said.summary["stopped"]
    assert said.summary["next"]


@pytest.mark.parametrize(("key", "status"), [("another", 403), ("", 401)])
def test_refused_key_exits_with_3_and_names_its_option(desk, box, key, status) -> None:
    with strict_api(keys=("the-right-one",), missing=not key) as api:
        said = desk.run(api.url, *desk.small())
        assert api.customers == {}
    assert said.code == 3
    assert f"HTTP {status}" in said.summary["stopped"]
    assert "--api-key-file" in said.summary["stopped"]
    assert said.summary["customers"]["pending"] == 3
    assert desk.run(box.url, *desk.small()).summary["customers"]["created"] == 3


MIXED = "Id,Name,Phone,Mail,Street,Town\n1,One,,no address,,\n2,Two,,,,\n3,Three,,,,\n,Nobody,,,,\n"


@pytest.mark.parametrize(
    ("guard", "code"),
    [
        *[(("--strict",), 3), (("--max-rejected", "0"), 3), (("--max-rejected", "33%"), 3)],
        *[(("--max-rejected", "1"), 1), (("--max-rejected", "34%"), 1), ((), 1)],
    ],
    ids=str,
)
def test_guard_stops_before_sending_and_returns_the_rows(desk, guard, code) -> None:
    desk.small()
    desk.write("mixed.csv", MIXED)
    with running(SandboxConfig()) as box:
        said = desk.run(box.url, "mixed.csv", "-m", "small.yaml", *guard)
        assert said.code == code
        assert len(box.customers()) == (2 if code == 1 else 0)
    if code == 3:
        assert guard[0] in said.summary["stopped"]
    assert len(said.table("rejected/mixed.csv")) == 2


def test_strict_counts_rows_without_a_customer(desk, box) -> None:
    desk.small()
    desk.write("loose.csv", "Id,Name,Phone,Mail,Street,Town\n2,Two,,,,\n,Nobody,,,,\n")
    said = desk.run(box.url, "loose.csv", "-m", "small.yaml", "--strict")
    assert (said.code, box.customers()) == (3, [])
    assert said.summary["stopped"].startswith("--strict: 0 of 1 customer and 1 row without a customer were rej")
    desk.write("loose.csv", "Id,Name,Phone,Mail,Street,Town\n1,One,,no address,,\n2,Two,,,,\n")
    for guard in (("--strict",), ("--max-rejected", "0")):
        said = desk.run(box.url, "loose.csv", "-m", "small.yaml", *guard)
        assert f"{' '.join(guard)}: 1 of 2 customers was rejected. " in said.summary["stopped"]


@pytest.mark.parametrize(
    "words", [("small.csv", "-m", "\udcff.yaml"), ("small.csv", "-m", "m.yaml", "--out", "\udcff")]
)
def test_file_name_that_is_not_utf_8_is_a_usage_error(desk, words) -> None:
    desk.small()
    for name in ("m.yaml", "\udcff.yaml"):
        (desk.path / name).write_bytes((desk.path / "small.yaml").read_bytes())
    said = desk.do("check", *words)
    assert (said.code, said.out) == (2, "")
    assert "the name is not UTF-8" in said.err


def test_another_key_for_a_named_tenant_must_be_accepted(desk) -> None:
    with running() as box:
        assert desk.run(box.url, *desk.small(), "--tenant", "shop").code == 0
        desk.environment["WIZCOMMERCE_API_KEY"] = "renewed-key"
        refused = desk.run(box.url, *desk.small(), "--tenant", "shop")
        assert (refused.code, refused.out) == (2, "")
        assert "--accept-key" in refused.err
        accepted = desk.run(box.url, *desk.small(), "--tenant", "shop", "--accept-key")
        assert accepted.summary["customers"]["unchanged"] == 3


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("api", ["https://api.example.com", "sandbox"])
def test_named_tenant_is_one_account_for_any_key(desk, box, command, api) -> None:
    """Otherwise, what was sent to one API would count as sent to the other."""
    assert desk.run(box.url, *desk.small(), "--tenant", "shop").code == 0
    refused = desk.do(command, *desk.small(), "--tenant", "shop", "--accept-key", "--api", api)
    assert (refused.code, refused.out) == (2, "")
    assert "account shop was used with localhost before, not with" in refused.err


def test_internal_error_is_one_line_unless_debugging(capsys, monkeypatch) -> None:
    monkeypatch.delenv("IMPORTER_DEBUG", raising=False)
    assert failed(RuntimeError("odd")) == 3
    assert "RuntimeError: odd" in capsys.readouterr().err
    assert failed(KeyboardInterrupt()) == failed(InterruptedRunError("stopped", "go on")) == 3
    assert capsys.readouterr().err.endswith("importer: stopped\n  go on\n")
    monkeypatch.setenv("IMPORTER_DEBUG", "1")
    assert failed(RuntimeError("odd")) == 3
    assert "IMPORTER_DEBUG=1" in capsys.readouterr().err
