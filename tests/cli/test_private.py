"""Even with a umask of 0, only the owner can read what the importer writes."""

import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from importer.partitions.scratch import scratch_folder, write_array, write_frame
from importer.private_files import make_folder, open_private
from tests.workflow.desk import Desk


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path, ours: set[Path]) -> dict[str, str]:
    """Everything below a folder that others can access, except what the test put there."""
    found = [path for path in folder.rglob("*") if path not in ours]
    return {str(path): oct(mode(path)) for path in found if mode(path) != (0o700 if path.is_dir() else 0o600)}


def test_all_command_output_is_private(desk: Desk, open_umask) -> None:
    small = desk.small(4)
    text = (desk.path / "small.csv").read_text()
    desk.write("small.csv", f"{text}C9,Wrong,,no address,,\n")
    desk.environment = {"XDG_STATE_HOME": str(desk.path.parent / "a" / "state")}
    ours = set(desk.path.parent.rglob("*"))
    api = ("--api", "sandbox")
    for words, code in (
        (("check", *small, "--out", "b/c", "--log", "log"), 1),
        (("check", *small, "--memory", "1GiB"), 1),
        (("plan", *small, *api), 1),
        (("run", *small, *api, "--limit", 1), 1),
        (("resume",), 1),
        (("verify",), 0),
        (("report",), 1),
        (("lookups", "save", *api, "--to", "d/e/lookups.json"), 0),
        (("ledger", "backup", "f/g/backup.db"), 0),
        (("adopt", *small, *api, "--ledger", "h/i/ledger.db"), 1),
        (("undo", "RUN", "--yes"), 0),
    ):
        sent = min((path.parent.name for path in desk.path.rglob("children.csv")), default="")
        said = desk.do(*(sent if word == "RUN" else word for word in words))
        assert said.code == code, said.err
    made = set(desk.path.parent.rglob("*")) - ours
    assert {"c", "state", "importer", "lookups.json", "ledger.db", "rejected", "work", "undo.csv", "log"} <= {
        path.name for path in made
    }
    assert open_to_others(desk.path.parent, ours) == {}


def test_scratch_folder_is_private(tmp_path, open_umask) -> None:
    with scratch_folder(tmp_path / "a" / "out") as folder:
        write_frame(folder / "frame", pd.DataFrame({"a": [1]}))
        write_array(folder / "array", np.array([1]))
        assert {path.name for path in folder.iterdir()} == {"in-use", "frame", "array"}
        assert open_to_others(tmp_path, set()) == {}


def test_existing_folders_and_files_keep_their_modes(tmp_path, open_umask) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    make_folder(tmp_path / "there" / "a" / "b")
    make_folder(tmp_path / "there" / "a" / "b")
    with open_private(tmp_path / "file") as file:
        file.write(b"text")
    (tmp_path / "file").chmod(0o640)
    open_private(tmp_path / "file").close()
    assert (tmp_path / "file").read_bytes() == b""
    assert [mode(tmp_path / name) for name in ("there", "there/a", "there/a/b", "file")] == [0o755, 0o700, 0o700, 0o640]
