"""Mixed encodings, encodings guessed from words, and files that were cut off."""

from pathlib import Path

import pytest

from importer.errors import SourceError
from tests.loader.support import cells, options, problems, sources, table, write

NAMES = ["Café Zürich", "Müller", "Peñaranda", "Façade", "Hôtel Crème", "Søren", "Señor Güell", "Bäcker"]
GUESSED = ("info", "encoding_guessed", "a.csv")


@pytest.mark.parametrize("encoding", ["mac-roman", "cp850", "cp1252"])
def test_single_byte_encodings_are_guessed_from_words(tmp_path: Path, encoding: str) -> None:
    text = "Id,Name\n" + "".join(f"{number},{name}\n" for number, name in enumerate(NAMES))
    found = sources(write(tmp_path / "a.csv", text, encoding))
    assert found.tables[0].frame["Name"].tolist() == NAMES
    assert found.tables[0].details["encoding"] == encoding
    assert problems(found) == [GUESSED]  # Western text is not doubtful, although cp1250 could read it as well
    assert found.problems[0].value == "Café Zürich"


def test_unambiguous_apostrophes_and_letters_cause_no_question(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name\n1,Zoë O\u2019Brien\n2,Ann\u2019s Café\n", "cp1252"))
    assert problems(found) == [GUESSED]


def test_polish_windows_text_is_recognized(tmp_path: Path) -> None:
    names = ["Spółka Bławat", "Żółć i Wąż", "Księgarnia Błękit", "Piłka", "Dąbrowski", "Wiśniewski"]
    text = "Id,Name\n" + "".join(f"{number},{name}\n" for number, name in enumerate(names))
    read = table(write(tmp_path / "a.csv", text, "cp1250"))
    assert (read.frame["Name"].tolist(), read.details["encoding"]) == (names, "cp1250")


def test_random_letters_of_another_script_are_an_error(tmp_path: Path) -> None:
    names = ["".join(chr(0x430 + (number * step) % 31) for step in range(1, 8)) for number in range(1, 41)]
    text = "Id,Name\n" + "".join(f"{number},{name}\n" for number, name in enumerate(names))
    path = write(tmp_path / "a.csv", text, "cp1251")
    with pytest.raises(SourceError, match=r"a\.csv: the encoding is not clear"):
        table(path)
    assert table(path, options(encoding="cp1251")).frame["Name"].tolist() == names


def test_rows_in_another_encoding_are_rejected_with_their_location(tmp_path: Path) -> None:
    content = "Id,Name,City\n1,Café,Zürich\n2,Plain,Ulm\n".encode() + "3,Café,Ulm\n".encode("cp1252")
    found = sources(write(tmp_path / "a.csv", content))
    (only,) = found.tables
    assert cells(only)[1:] == [["1", "Café", "Zürich"], ["2", "Plain", "Ulm"], ["3", "Café", "Ulm"]]
    assert only.broken.tolist() == [False, False, True]
    assert problems(found) == [("error", "encoding_mixed", "a.csv:4 [Name]")]
    assert only.details["encoding"] == "utf-8"


def test_unicode_within_western_text_is_rejected(tmp_path: Path) -> None:
    content = "Id,Name\n1,Café\n2,Zürich\n3,Ångström\n".encode("cp1252") + "4,Müller\n".encode()
    found = sources(write(tmp_path / "a.csv", content))
    assert found.tables[0].broken.tolist() == [False, False, False, True]
    assert found.tables[0].frame["Name"].tolist() == ["Café", "Zürich", "Ångström", "Müller"]
    assert problems(found) == [("error", "encoding_mixed", "a.csv:5 [Name]"), GUESSED]
    assert not sources(tmp_path / "a.csv", using=options(encoding="cp1252")).tables[0].broken.any()


def test_nul_byte_and_invalid_text_name_their_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv: .* line 3 contains a NUL byte"):
        table(write(tmp_path / "a.csv", b"Id,Name\n1,A\n2,B\x00C\n3,D\n"))
    with pytest.raises(SourceError, match=r"b\.csv: byte 12 is not valid utf-8 \(line 2\)"):
        table(write(tmp_path / "b.csv", b"\xef\xbb\xbfId,Name\r\xff\n"))
    with pytest.raises(SourceError, match=r"c\.csv: byte .* is not valid utf-16-le"):
        table(write(tmp_path / "c.csv", "Id,Name\n1,Acme\n".encode("utf-16-le")[:-1]))


def test_truncated_last_row_is_rejected(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name,City\n1,A,X\n2,B,Y\n3,Ac"))
    assert found.tables[0].broken.tolist() == [False, False, True]
    assert problems(found)[0] == ("error", "row_cut_off", "a.csv:4")


def test_missing_final_line_end_is_reported(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name\n1,A\n2,B"))
    assert problems(found) == [("info", "no_final_line_end", "a.csv:3")]
    ragged = sources(write(tmp_path / "b.csv", "Id,Name,City\n1,A\n2,B,Y\n3,C"))
    assert not ragged.tables[0].broken.any()


def test_secrets_do_not_leak_into_other_columns_of_broken_rows(tmp_path: Path) -> None:
    text = (
        'Id,Name,Card Number,Note\n1,Doe, J,4111111111111111,x\n2,"A\n3,B,5555555555554444,y"z\n4,C,378282246310005,z\n'
    )
    found = sources(write(tmp_path / "a.csv", text))
    (only,) = found.tables
    assert only.broken.tolist() == [True, True, False]
    everything = only.frame.to_csv() + "".join(map(repr, found.problems))
    assert not any(number in everything for number in ("4111", "5555", "3782"))
    assert only.frame["Id"].tolist() == ["1", "2", "4"]


def test_traces_of_damage_are_reported(tmp_path: Path) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name\n1,Caf\ufffd\n2,B\x01C\n3,D\n"))
    assert problems(found) == [("warning", "damaged_text", f"a.csv:{row} [Name]") for row in (2, 3)]
    assert [problem.value for problem in found.problems] == ["Caf\ufffd", "B\x01C"]
    many = sources(write(tmp_path / "a.csv", "Id,Name\n" + "1,Caf\ufffd\n" * 500))
    assert problems(many) == [("warning", "damaged_text", "a.csv:2")]
    assert "500 rows" in many.problems[0].message
