"""The ready-made examples: the commands they call exist, and each file is valid for the program that reads it."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

import importer
from importer.cli import parameters as options
from importer.cli.app import app
from importer.settings import read_notices
from tests.workflow.desk import KEY, ROOT, SAMPLES

FOLDER = Path(str(files(importer) / "examples"))
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir() if path.name != "README.md"}
BESIDES = {"IMPORTER_NOTIFY_URLS"}  # not an option


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{Path('/usr/bin')}")
    if found is None:
        pytest.skip(f"{name} is not there for this kind of machine")
    return found


def checked(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, ""), done.stdout + done.stderr


def test_examples_are_shown_unchanged(desk) -> None:
    listed = desk.do("example").out.split("\n")
    names = [line.split()[0] for line in listed if line]
    shown = "".join(desk.do("example", name).out for name in names)
    assert all(text.strip() in shown for text in TEXTS.values())
    assert desk.do("example", "corn").code == 2


def calls() -> list[list[str]]:
    """Every `importer` command in the examples, as words."""
    unbroken = "\n".join(TEXTS.values()).replace("\\\n", " ")
    found = [shlex.split(words) for words in re.findall(r"(?:^|[ /=])importer ((?:run|ledger) [^\n`]+)", unbroken)]
    docker = [[*re.findall(r'"([^"]+)"', line)] for line in re.findall(r"CMD (\[.*\])", TEXTS["Dockerfile"])]
    return found + [words[1:] if words[0] == "importer" else words for words in docker]


def test_commands_in_examples_exist(desk) -> None:
    assert len(calls()) >= 5
    for command, *words in calls():
        helped = desk.do(command, "--help").out
        assert helped, command
        for word in words:
            if word.startswith("--"):
                assert re.search(rf"{word}\b", helped), (command, word)


def test_variables_in_examples_are_options() -> None:
    known = {f"IMPORTER_{name.upper()}" for name in (*options.ACCOUNT, *options.READING, *options.LOG)}
    named = set(re.findall(r"IMPORTER_\w+", "\n".join(TEXTS.values()))) - BESIDES - {"IMPORTER_"}
    assert named <= known | {"IMPORTER_OUT"}


def test_example_config_works(desk, box) -> None:
    """Unchanged except for its source and its target."""
    config = desk.write("acme.toml", TEXTS["acme.toml"])
    desk.write("acme.key", KEY).chmod(0o600)
    known = {param for group in vars(options).values() if isinstance(group, dict) for param in group}
    assert {name.replace("-", "_") for name in tomllib.loads(TEXTS["acme.toml"])} - known <= {
        *("sources", "mapping", "api", "out", "yes", "notify"),
    }
    words = (
        "--config",
        "acme.toml",
        "--api",
        box.url,
        "--max-rejected",
        "100%",
        "--max-age",
        10**9,
        "--rate",
        5000,
    )
    desk.environment = {"WIZCOMMERCE_API_KEY": "another"}
    said = desk.do("run", SAMPLES / "netsuite", *words)
    assert (said.code, said.err) == (1, said.err)
    assert box.counts()["customers"] > 100
    assert {path.name for path in desk.path.iterdir()} >= {"results", "ledger.db", "import.log"}
    assert desk.do("run", SAMPLES / "netsuite", *words).code == 3  # the same files again
    assert read_notices(config, {}).on == {"failure", "guard", "rejected"}
    commented = TEXTS["acme.toml"].replace("# urls-file", "urls-file").replace("# healthcheck", "healthcheck")
    desk.write("notify.urls", "json://127.0.0.1").chmod(0o600)
    told = read_notices(desk.write("told.toml", commented), {})
    assert len(told.urls) == 1
    assert told.healthcheck


def test_example_crontab_is_valid() -> None:
    lines = [line for line in TEXTS["crontab"].splitlines() if line and not line.startswith("#")]
    *variables, entry = lines
    assert all(re.fullmatch(r"[A-Z_]+=\S+", line) for line in variables)
    fields = entry.split(maxsplit=6)
    bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
    for field, (low, high) in zip(fields[:5], bounds, strict=True):
        assert field == "*" or low <= int(field) <= high
    assert fields[5] == "importer"
    assert "%" not in fields[6]  # cron would end the line there
    assert fields[6].startswith("importer run ")


def test_example_units_pass_systemd_verify(tmp_path) -> None:
    analyze = tool("systemd-analyze")
    for name in ("importer.service", "importer.timer"):
        (tmp_path / name).write_text(TEXTS[name].replace("/opt/importer/bin/importer", sys.executable))
    checked(analyze, "verify", "--man=no", str(tmp_path / "importer.service"), str(tmp_path / "importer.timer"))


def test_example_units_have_required_settings() -> None:
    service, timer = (TEXTS[name] for name in ("importer.service", "importer.timer"))
    for needed in ("Type=oneshot", "User=importer", "KillMode=mixed", "SuccessExitStatus=1", "UMask=0077"):
        assert f"\n{needed}\n" in service
    assert re.search(r"^ExecStart=/\S+/importer run ", service, re.MULTILINE)
    assert "\nPersistent=true\n" in timer


def test_example_dockerfile_is_linted() -> None:
    checked(tool("hadolint"), str(FOLDER / "Dockerfile"))


def test_example_image_has_no_root_user_and_no_key(tmp_path) -> None:
    text = re.sub(r"^#.*\n", "", TEXTS["Dockerfile"], flags=re.MULTILINE)
    steps = [line.split(maxsplit=1) for line in text.replace("\\\n", " ").splitlines() if line]
    words = [step[0] for step in steps]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert dict(map(tuple, steps))["USER"] not in {"0", "root"}
    assert "WIZCOMMERCE_API_KEY" not in text
    assert {"VOLUME", "HEALTHCHECK", "STOPSIGNAL"} <= set(words)
    extras = re.search(r'"\.\[([a-z,]+)\]"', text)
    assert extras
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) <= set(declared)
    workflow = re.search(r"wizcommerce-importer\[([a-z,]+)\]", TEXTS["workflow.yml"])
    assert workflow
    assert set(workflow[1].split(",")) <= set(declared)
    # Like `pip install .` without an index: the package is built from the sources and is complete.
    build = "import hatchling.build, sys; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("wizcommerce_importer-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"importer/examples/{name}" for name in TEXTS} <= names
    assert {"importer/_mappings/netsuite.yaml", "importer/report/jobs.schema.json"} <= names


def test_example_workflow_is_valid() -> None:
    checked(
        tool("check-jsonschema"), "--quiet", "--builtin-schema", "vendor.github-workflows", str(FOLDER / "workflow.yml")
    )
    workflow = yaml.safe_load(TEXTS["workflow.yml"])
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {"contents": "read"}
    assert job["timeout-minutes"] > 120  # the run's own deadline comes first
    secrets = re.findall(r"secrets\.(\w+)", TEXTS["workflow.yml"])
    assert all(name in TEXTS["workflow.yml"].split("name:")[0] for name in secrets)


def test_every_example_command_is_listed_in_help() -> None:
    assert "example" in {command.name or command.callback.__name__ for command in app.registered_commands}
