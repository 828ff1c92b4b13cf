"""``--keep N`` deletes folders of old runs, but never one with unfinished work, nor anything else."""

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from importer.ledger import Write, WriteState, open_ledger
from importer.workflow.old_folders import prune_checks


def nights(desk, box, count: int, *words: object) -> list:
    """Run the same source ``count`` times; returns the folders."""
    made = []
    for _ in range(count):
        said = desk.run(box.url, *desk.small(3), *words)
        assert said.code == 0, said.err
        made.append(said.folder)
    return made


def test_latest_runs_are_kept_and_history_lists_the_rest(desk, box) -> None:
    first, second, third, fourth = nights(desk, box, 4)
    (first / ".writing-a1b2").write_text("half a file", encoding="utf-8")  # left by a killed process
    said = desk.run(box.url, *desk.small(3), "--keep", 3)
    assert said.summary["options"]["keep"] == 3
    assert [folder.exists() for folder in (first, second, third, fourth, said.folder)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert said.err.count("was deleted") == 2
    listed = {line["run_id"]: line["folder_gone"] for line in json.loads(desk.do("runs", "--json").out)}
    assert [listed[folder.name] for folder in (first, second, third)] == [True, True, False]
    assert desk.do("runs").out.count("folder deleted") == 2
    gone = desk.do("report", first.name)
    assert (gone.code, gone.out) == (2, "")
    assert "no longer exists" in gone.err
    assert desk.do("undo", first.name, "--yes").code == 2


def test_resumable_run_is_kept_until_a_later_run_settles_it(desk, box) -> None:
    canary = desk.run(box.url, *desk.small(3), "--limit", 1)
    assert (canary.code, canary.summary["customers"]["pending"]) == (0, 2)
    only = desk.run(box.url, *desk.small(3), "--only", "C0", "--keep", 1)
    assert (canary.folder.exists(), only.folder.exists()) == (True, True)
    assert desk.do("resume", canary.folder.name, "--keep", 1, "--json").summary["customers"]["created"] == 3
    last = desk.run(box.url, *desk.small(4), "--limit", 1, "--keep", 1)
    assert [folder.exists() for folder in (canary.folder, only.folder, last.folder)] == [False, False, True]
    (whole,) = nights(desk, box, 1, "--keep", 1)
    (whole,) = [desk.run(box.url, *desk.small(4), "--keep", 1).folder]
    assert (last.folder.exists(), whole.exists()) == (False, True)


def test_run_with_unknown_outcomes_is_kept(desk, box) -> None:
    (first,) = nights(desk, box, 1)
    with sqlite3.connect(desk.state / "importer" / "ledger.db") as ledger:
        ledger.execute("UPDATE customers SET state = 'unknown' WHERE reference_id = 'C1'")
    ledger.close()
    said = desk.run(box.url, *desk.small(3), "--only", "C0", "--keep", 1)
    assert said.code == 0
    assert first.exists()


def test_previous_values_are_deleted_with_the_folder_of_their_run(desk, box, monkeypatch) -> None:
    first, second = nights(desk, box, 2)
    place = desk.state / "importer" / "ledger.db"
    with open_ledger(place) as ledger:
        runs = [ledger.run(folder.name) for folder in (first, second)]
        for run in runs:
            write = Write("C1", "PATCH", "customer", None, None, {"phone": "+14155550101"}, {"phone": None})
            ledger.settle_writes(
                run, [replace(one, state=WriteState.DONE) for one in ledger.announce_writes(run, [write])]
            )
    with monkeypatch.context() as patched:
        patched.setattr("importer.workflow.old_folders.shutil.rmtree", Mock(side_effect=KeyboardInterrupt))
        assert desk.run(box.url, *desk.small(3), "--keep", 2).code == 3
    with open_ledger(place) as ledger:  # erased before the folder is: without the folder, nothing would look for them
        before = [ledger.writes_of(run, ["C1"])["C1"][0].before for run in runs]
    assert before == [None, {"phone": "+14155550101"}]
    nights(desk, box, 1, "--keep", 3)
    assert (first.exists(), second.exists()) == (False, True)


def test_check_keeps_its_own_folder_even_if_others_are_newer(desk) -> None:
    folders = [desk.do("check", *desk.small(3), "--json").folder for _ in range(3)]
    prune_checks(folders[0], "small", 1, lambda _: None)
    assert [folder.exists() for folder in folders] == [True, False, True]


def test_run_that_stopped_early_deletes_nothing(desk, box) -> None:
    first, second = nights(desk, box, 2)
    said = desk.run(box.url, *desk.small(3), "--new-file", "--keep", 1)
    assert said.code == 3
    assert first.exists()
    assert second.exists()


def test_folder_with_unexpected_files_is_kept(desk, box) -> None:
    others = ("notes.txt", "rejected/mended.csv", "work.bak/x")
    paths = [folder / where for folder, where in zip(nights(desk, box, 3), others, strict=True)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    said = desk.run(box.url, *desk.small(3), "--keep", 1)
    assert said.code == 0
    assert [path.read_text(encoding="utf-8") for path in paths] == ["mine"] * 3
    assert sum(path.name == "results.csv" for path in (desk.path / "results").rglob("*")) == 4
    for where in others:
        assert f"was not deleted: it contains {where.removesuffix('/x')}" in said.err


def test_links_are_not_followed_or_treated_as_folders(desk, box) -> None:
    first, second = nights(desk, box, 2)
    precious = desk.path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine", encoding="utf-8")
    shutil.rmtree(first)
    first.symlink_to(precious)
    shutil.rmtree(second / "work")
    (second / "work").symlink_to(precious)
    said = desk.run(box.url, *desk.small(3), "--keep", 1)
    assert said.code == 0
    assert first.is_symlink()
    assert second.exists()
    assert [path.name for path in precious.iterdir()] == ["file"]


def test_runs_of_another_account_in_the_same_folder_are_kept(desk, box) -> None:
    (other,) = nights(desk, box, 1, "--tenant", "other")
    check = desk.do("check", *desk.small(3), "--json").folder
    first, second = nights(desk, box, 2, "--tenant", "shop")
    (desk.path / "results" / "20200101-000000").mkdir()
    nights(desk, box, 1, "--tenant", "shop", "--keep", 1)
    assert (first.exists(), second.exists()) == (False, False)
    assert (other.exists(), check.exists()) == (True, True)
    assert (desk.path / "results" / "20200101-000000").exists()


def test_folder_that_cannot_be_deleted_is_reported_and_the_run_succeeds(desk, box, monkeypatch) -> None:
    (first,) = nights(desk, box, 1)

    remove = shutil.rmtree

    def refused(path: Path, **more: Any) -> None:
        if path == first:
            raise PermissionError(13, "Permission denied", str(first))
        remove(path, **more)

    monkeypatch.setattr("importer.workflow.old_folders.shutil.rmtree", refused)
    said = desk.run(box.url, *desk.small(3), "--keep", 1)
    assert said.code == 0
    assert "was not deleted: Permission denied" in said.err
    assert first.exists()
