"""One session in several windows: pages and edits always use one consistent state."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from importer.settings import Options
from importer.web.page_app import Ask, PageContent, Show, create_app
from importer.web.private_state import receive
from importer.web.sendings import Sendings
from importer.web.session_state import Session
from importer.web.step_fix import FIX
from importer.web.step_open import OPEN


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path, Options(), {}, Sendings({"XDG_STATE_HOME": str(tmp_path)}))


def answer(session: Session, method: str, path: str, *, show: Show = OPEN.show, **how: Any) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(session, [replace(OPEN, show=show), FIX], lambda: None))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return await client.request(method, path, **how)

    return anyio.run(ask)


def test_edit_is_visible_when_complete_and_undone_on_failure(session: Session) -> None:
    with pytest.raises(ZeroDivisionError), session.edit(1) as changed:
        changed.take_sources((str(1 / 0),))
    with session.edit(1) as changed:
        changed.take_sources(("a.csv",))
        assert (session.sources, session.version) == ((), 1)
    assert (session.sources, session.version) == (("a.csv",), 2)


def test_form_made_before_a_change_in_another_window_is_refused(session: Session) -> None:
    def show(ask: Ask) -> PageContent:
        shown = OPEN.show(ask)
        if session.version == 1:
            with session.edit(1) as changed:
                changed.reading = replace(changed.reading, country="DE")
            assert ask.session.reading.country is None
        return shown

    assert 'name="version" value="1"' in answer(session, "GET", "/open", show=show).text
    assert answer(session, "POST", "/open/reading", data={"version": "1", "country": "US"}).status_code == 409
    assert session.reading.country == "DE"


def test_file_uploaded_during_an_edit_is_accepted(session: Session) -> None:
    lock, edits = session.lock, iter([1])

    class Busy:
        """A lock for which an edit waits until another edit ends."""

        def __enter__(self) -> None:
            lock.acquire()
            session.version += next(edits, 0)

        def __exit__(self, *_: object) -> None:
            lock.release()

    session.lock = Busy()  # type: ignore[assignment]
    assert answer(session, "PUT", "/upload/a.csv", content=b"Id\n1\n").status_code == 201
    assert [Path(source).name for source in session.sources] == ["a.csv"]


def test_two_uploads_with_one_name_are_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def content(text: bytes) -> Any:
        yield text

    async def both() -> set[Path]:
        reached, found = anyio.Event(), set()
        run_sync = anyio.to_thread.run_sync

        async def together(*words: Any) -> Any:
            """Neither upload writes before both have chosen their names."""
            result = await run_sync(*words)
            if isinstance(result, tuple):
                names.append(result)
                if len(names) == 2:
                    reached.set()
                await reached.wait()
            return result

        async def one(text: bytes) -> None:
            found.add(await receive(tmp_path, "a.csv", content(text)))

        names: list[Any] = []
        monkeypatch.setattr(anyio.to_thread, "run_sync", together)
        async with anyio.create_task_group() as group:
            group.start_soon(one, b"first")
            group.start_soon(one, b"second")
        return found

    assert {path.read_bytes() for path in anyio.run(both)} == {b"first", b"second"}


def test_corrections_changed_by_another_program_are_not_overwritten(session: Session, tmp_path: Path) -> None:
    session.corrections, session.corrections_saved = tmp_path / "own.csv", tmp_path / "kept.csv"
    session.corrections.write_text("ours")
    session.corrections_saved.write_text("ours, and theirs")
    said = answer(session, "POST", "/fix/back", data={"version": "1", "line": "2"})
    assert "was changed by another program" in said.text
    assert session.corrections_saved.read_text() == "ours, and theirs"
