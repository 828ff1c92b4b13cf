"""Corrections are saved where the user says."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from importer.errors import UsageError
from importer.web.step_fix import FIX


def test_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    mine, made = tmp_path / "mine.csv", tmp_path / "made.csv"
    mine.write_text("mine")
    made.write_text("made")
    session = SimpleNamespace(corrections=made, corrections_saved=None)
    ask: Any = SimpleNamespace(session=session, path=mine, edit=lambda: nullcontext(session))
    with pytest.raises(UsageError) as found:
        FIX.actions["save"](ask)
    assert (found.value.message, found.value.hint) == (f"{mine}: this file already exists", "Enter another name.")
    assert (mine.read_text(), session.corrections_saved) == ("mine", None)
