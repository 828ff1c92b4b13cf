"""Background threads: only the latest request counts, and each result is computed once."""

import threading

from importer.errors import InternalError, UsageError
from importer.web.background import Background, Work


def test_only_the_latest_waiting_work_is_done() -> None:
    works, gate, done = Background(), threading.Event(), []

    def slow(report) -> str:
        report("slowly")
        gate.wait(60)
        return "first"

    first = works.ask("check", 1, slow)
    second = works.ask("check", 2, lambda _: done.append(2))
    third = works.ask("check", 3, lambda _: done.append(3))
    assert works.ask("check", 1, slow).work is first.work  # the first is requested again, so the third is dropped
    fourth = works.ask("check", 4, lambda _: done.append(4))
    assert works.ask("check", 4, lambda _: None).work is fourth.work
    gate.set()
    fourth.outcome()
    assert first.work.result == "first"
    assert first.work.phase == "slowly"
    assert done == [4]
    assert all(seen.work.error is not None and seen.work.done for seen in (second, third))


def test_superseded_waiting_work_is_not_done() -> None:
    works, gate, done = Background(), threading.Event(), []
    first = works.ask("check", 1, lambda _: gate.wait(60))
    second = works.ask("check", 2, lambda _: done.append(2))
    first.work.ended.set()  # at its end, before its thread takes the next work
    works.ask("check", 3, lambda _: done.append(3), patience=60)
    gate.set()
    assert second.work.error is not None
    assert works.ask("check", 3, lambda _: None).done
    assert done == [3]


def test_result_already_shown_does_not_change_when_work_ends() -> None:
    works, gate = Background(), threading.Event()
    seen = works.ask("check", 1, lambda _: gate.wait(60))
    gate.set()
    assert seen.outcome()
    assert (seen.done, seen.result, seen.error) == (False, None, None)
    now = works.ask("check", 1, lambda _: False)
    assert (now.done, now.result, now.error) == (True, True, None)


def test_different_purposes_do_not_wait_for_each_other() -> None:
    works, gate = Background(), threading.Event()
    works.ask("check", 1, lambda _: gate.wait(60))
    assert works.ask("draft", 1, lambda _: "made", patience=60).result == "made"
    gate.set()
    works.wait(60)


def test_errors_are_kept_and_internal_errors_do_not_reveal_data(capsys) -> None:
    works = Background()

    def wrong(_) -> None:
        raise UsageError("no such sheet", "Choose one.")

    def broken(_) -> None:
        raise ValueError("Ann Lee")

    assert isinstance(works.ask("a", 1, wrong, patience=60).error, UsageError)
    defect = works.ask("b", 1, broken, patience=60).error
    assert isinstance(defect, InternalError)
    assert "Ann Lee" not in str(defect)
    assert "Ann Lee" not in "".join(capsys.readouterr())


def test_key_is_not_shown() -> None:
    assert "secret" not in repr(Work("secret", lambda _: None))
