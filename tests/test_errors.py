"""The text of an error, on two lines and on one."""

import pytest

from importer.errors import StopError


@pytest.mark.parametrize(
    ("message", "hint", "line"),
    [
        ("the run was interrupted", "Resume the run.", "the run was interrupted. Resume the run."),
        ("has it run?", "Look.", "has it run? Look."),
        ("interrupted", "", "interrupted"),
        ("two\nlines", "", "two lines"),
    ],
)
def test_error_has_message_and_hint(message: str, hint: str, line: str) -> None:
    error = StopError(message, hint)
    assert error.in_one_line == line
    assert str(error) == (f"{message}\n{hint}" if hint else message)
