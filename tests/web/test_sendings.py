"""Processes that send, as the page finds them: running, ended, or gone."""

import io
import json
import os
import stat
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from importer.errors import UsageError
from importer.web.page_app import templates
from importer.web.private_state import locked
from importer.web.sending_process import SendingProgress, main
from importer.web.sendings import Order, SendingRecord, Sendings, read_record, write_record

KEY = "not-to-be-written-3c2b1a"


@pytest.fixture
def sendings(tmp_path: Path) -> Sendings:
    return Sendings({"XDG_STATE_HOME": str(tmp_path)})


def folder_of(tmp_path: Path, sending: SendingRecord) -> Path:
    folder = tmp_path / "importer" / "page" / "sendings" / sending.id
    folder.mkdir(parents=True, mode=0o700)
    write_record(folder, sending)
    return folder


def sending(**changes: object) -> SendingRecord:
    own = SendingRecord("20250331-140502-k3fa", "run", "staging", "netsuite", ("a.csv",), "sending", time.time() - 100)
    return replace(own, **changes)  # type: ignore[arg-type]


def test_ended_process_is_detected(sendings: Sendings, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, sending(counts={"pending": 3, "created": 2}))
    with locked(folder):
        (found,) = sendings.active()
        assert (found.done, found.total) == (2, 5)
        with pytest.raises(UsageError, match="already in progress"):
            sendings.begin(Order("run", "staging", KEY, {}))
        sendings.forget(found.id)
        assert folder.is_dir()
    assert [one.state for one in sendings.all()] == ["lost"]
    assert sendings.active() == []
    sendings.forget(found.id)
    assert not folder.exists()


def test_damaged_record_is_ignored(sendings: Sendings, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, sending())
    (folder / "record.json").write_text('{"id": 1')
    assert sendings.all() == []


def test_sending_id_cannot_leave_the_folder(sendings: Sendings, tmp_path: Path) -> None:
    other = tmp_path / "importer" / "other"
    other.mkdir(parents=True)
    write_record(other, sending(state="ended"))
    sendings.forget("../../other")
    sendings.stop("../../other")
    assert other.is_dir()


def test_progress_is_recorded_with_its_rate(tmp_path: Path) -> None:
    folder, moments = folder_of(tmp_path, sending(state="starting")), iter([10.0, 10.0, 12.0, 12.0, 20.0, 20.0])
    progress = SendingProgress(folder, sending(state="starting"), clock=lambda: next(moments))
    progress.counts({"pending": 100, "created": 0, "rejected": 7})
    progress.counts({"pending": 80, "created": 19, "failed": 1})
    found = read_record(folder)
    assert found is not None
    assert (found.state, found.done, found.total, found.rate, found.seconds_left) == ("sending", 20, 100, 10.0, 8.0)
    assert stat.S_IMODE((folder / "record.json").stat().st_mode) == 0o600


def test_limit_bounds_the_total() -> None:
    found = sending(counts={"pending": 99, "created": 1}, limit=1)
    assert (found.done, found.total) == (1, 1)


def test_order_copies_the_files_of_the_session(tmp_path: Path) -> None:
    uploads, kept = tmp_path / "session", tmp_path / "kept"
    for folder in (uploads, kept):
        folder.mkdir()
    (uploads / "list.csv").write_text("Id\n1\n")
    given = [str(uploads / "list.csv"), "/data/own.csv", "s3://bucket/x.csv"]
    order = Order("run", "staging", KEY, {"values": uploads / "list.csv", "limit": 3}, given, "netsuite")
    own = order.with_copies_in(kept, uploads)
    assert own.sources == [str(kept / "list.csv"), *given[1:]]
    assert own.mapping == "netsuite"
    (uploads / "list.csv").unlink()
    assert (kept / "list.csv").read_text() == "Id\n1\n"
    json.dumps(vars(own))


def test_key_is_only_passed_through_the_pipe(sendings: Sendings, tmp_path: Path) -> None:
    order = Order("resume", "http://127.0.0.1:9", KEY, {"ledger": str(tmp_path / "l.db")}, run="20250331-140502-none")
    assert KEY not in repr(order)
    sendings.begin(order)
    process = sendings.all()[0]
    seen = ""
    while process.active:
        pid = process.pid or None
        for name in ("cmdline", "environ"):
            path = Path(f"/proc/{pid}/{name}")
            if pid and path.exists() and os.access(path, os.R_OK):
                seen += path.read_bytes().decode(errors="replace")
        process = sendings.all()[0]
    assert [child.wait(timeout=120) for child in sendings.children] in ([], [0])
    assert process.state == "failed"  # the run does not exist
    assert process.error is not None
    assert KEY not in seen
    assert [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_sending_stopped_during_start_does_not_begin(
    sendings: Sendings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path, sending(state="starting", started=time.time()))
    sendings.stop(folder.name)
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(vars(Order("run", "x", None, {}))).encode()))
    )
    monkeypatch.setattr("importer.web.sending_process.carry_out", Mock(side_effect=AssertionError))
    main(folder)
    found = read_record(folder)
    assert found is not None
    assert found.error == ("stopped before anything was sent", "")


@pytest.mark.parametrize(
    ("changes", "heading"),
    [
        ({"state": "sending"}, "Sending"),
        ({"state": "ended", "summary": {"stopped": None}}, "Sent"),
        ({"state": "ended", "summary": {"stopped": "2 customers failed"}}, "Sending stopped"),
        ({"state": "lost", "action": "resume"}, "Sending stopped"),
        ({"state": "failed", "action": "retry", "error": ("key refused", "Check it.")}, "Retry stopped"),
        ({"state": "ended", "action": "undo", "summary": {"stopped": "interrupted"}}, "Undo stopped"),
        ({"state": "ended", "action": "undo", "summary": {"stopped": None}}, "Undone"),
    ],
)
def test_heading_says_whether_everything_was_done(changes: dict[str, object], heading: str) -> None:
    page = templates().get_template("send_progress.html")
    summary = {"exit_code": 0, "customers": {"pending": 0, "unknown": 0, "failed": 0}, "resumable": False}
    own = {**changes, "summary": {**summary, **changes["summary"]}} if "summary" in changes else changes  # type: ignore[dict-item]
    shown = page.render(sending=sending(**own), tiles=[], commands={}, version=1)
    assert f'id="now">{heading} <span' in shown
