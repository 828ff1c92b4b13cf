"""The documents: every command and Python example in them works, and every link leads somewhere."""

import os
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from importer.sandbox import SandboxConfig
from tests.running_sandbox import RunningSandbox, running
from tests.workflow.desk import KEY, ROOT, SAMPLES, Desk, make_desk

DOCUMENTS = (
    "README.md",
    "importer/README.md",
    "importer/examples/README.md",
    "importer/report/README.md",
    "tests/README.md",
)
PAGES = (
    *DOCUMENTS,
    "mappings/README.md",
    "mappings/PROBLEMS.md",
    "tests/bench/README.md",
    "tests/drafting/systems/README.md",
)
ROWS = 60  # of the sample, enough for some rejected ones
_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CELLS = re.compile(r"^\| `(importer [^`]+)`", re.MULTILINE)


def blocks(document: str, kind: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return [content for found, content in _BLOCK.findall(text) if found == kind]


def commands(document: str) -> list[str]:
    lines = [line.partition("  #")[0].strip() for block in blocks(document, "console") for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture
def scene(tmp_path: Path) -> Desk:
    """A desk with everything that the documents use: an export, a job, and a folder of jobs."""
    desk = make_desk(tmp_path)
    source = b"".join((SAMPLES / "netsuite" / "customers.csv").read_bytes().splitlines(keepends=True)[:ROWS])
    for name in ("customers.csv", f"exports/customers-{datetime.now().astimezone():%Y-%m-%d}.csv"):
        desk.write(name, source)
    desk.write("acme.key", KEY).chmod(0o600)
    assert desk.do("check", "customers.csv", "-m", "netsuite", "--country", "US").code == 1
    return desk


def write_jobs(desk: Desk, document: str, api: str) -> None:
    job = next((block for block in blocks(document, "toml") if "mapping =" in block), "")
    (desk.path / "jobs").mkdir(exist_ok=True)
    for path in (desk.path / "acme.toml", desk.path / "jobs" / "acme.toml"):
        up = "../" if path.parent.name == "jobs" else ""
        text = job.replace('"production"', f'"{api}"').replace('"exports/', f'"{up}exports/')
        path.write_text(text.replace('"acme.key"', f'"{up}acme.key"').replace("new-file = true\n", ""))


def latest_run(desk: Desk, containing: str = "summary.json") -> Path:
    """The latest by file time, because names are random if a check and a plan begin in the same second."""
    files = [path / containing for path in desk.path.glob("*results/*") if (path / containing).exists()]
    last = max(files, key=lambda file: file.stat().st_mtime_ns)
    return last.parents[containing.count("/")]


def run_command(desk: Desk, box: RunningSandbox, line: str) -> None:
    """Run a command from a document; ``staging`` and ``production`` are the local test API."""
    words = shlex.split(re.sub(r"--api (staging|production)", f"--api {box.url} --rate 5000", line))
    if words[0] == "export":
        return
    if words[0] == "make":
        checked = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        return
    assert words.pop(0) == "importer", line
    if words[:2] == ["ledger", "forget"]:
        words.append("--yes")  # there is no terminal to ask on
    words = [_in_latest_run(desk, word) for word in words]
    said = desk.do(*words)
    assert said.code in (0, 1), f"{line}\n{said.out}{said.err}"


def _in_latest_run(desk: Desk, word: str) -> str:
    """A word of a command, with ``<run>`` replaced by the folder of a run."""
    if word in {"<run>", "<plan>"}:
        return latest_run(desk, "work/plan.json" if word == "<plan>" else "summary.json").name
    place, _, name = word.rpartition("/")
    if not place.endswith("<run>"):
        return word
    of_a_plan = name == "sign-off.xlsx"  # a check's sign-off sheet cannot be sent
    return str(latest_run(desk, "work/plan.json" if of_a_plan else name).relative_to(desk.path) / name)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != "importer/README.md"])  # it has no commands
def test_documented_commands_work(scene: Desk, document: str) -> None:
    found = commands(document)
    assert found
    with running(SandboxConfig(keys=(KEY,))) as box:
        write_jobs(scene, document, box.url)
        for line in found:
            run_command(scene, box, line)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if blocks(name, "python")])
def test_python_examples_run_as_scripts(scene: Desk, document: str) -> None:
    with running(SandboxConfig(keys=(KEY,))) as box:
        for number, block in enumerate(blocks(document, "python")):
            code = re.sub(r"https://[\w./-]+", box.url, re.sub(r"key=\"[^\"]+\"", f"key={KEY!r}", block))
            script = scene.write(f"example_{number}.py", code)
            environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **scene.variables}
            done = subprocess.run(
                [sys.executable, script], cwd=scene.path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_links_are_valid(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert path.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, target


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900
