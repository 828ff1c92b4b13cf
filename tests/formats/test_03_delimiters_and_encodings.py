"""``;``, tab, or ``|``; cp1252, UTF-8 with a BOM, UTF-16; CRLF inside quoted cells."""

from pathlib import Path

import pytest

from tests.formats.loading import Checked


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [
        ("utf-8", "|"),
        ("utf-8-sig", ";"),
        ("utf-16", "\t"),
        ("utf-16-le", ","),
        ("utf-16-be", ";"),
        ("cp1252", "\t"),
        ("cp1252", ";"),
    ],
)
def test_all_delimiters_and_encodings_give_the_same_customers(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [
        ["Customer ID", "Company Name", "Note"],
        ["0017", "Café “Zoë”", '"4 Pier Rd\r\nMarlow"'],
        ["0018", "B", "x"],
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    checked = Checked(tmp_path, {"list.csv": text.encode(encoding)})
    assert checked.names == {"0017": 'Café "Zoë"', "0018": "B"}  # a word processor's curly quotes become straight
    assert (checked.summary["sources"][0]["delimiter"], checked.problems) == (delimiter, [])
