"""Operations on columns of texts give the same results as Python's string methods on each text."""

import re

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.mapping.cell_problems import unrepeated
from importer.mapping.columns import Column, caseless, trim, tuple_numbers
from importer.mapping.transform_results import TransformResult, failures

BLANKS = "\t\r\n\v\f \u00a0\u1680\u2000\u2005\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
LETTERS = st.text("abAZ \t\n\u00a0\u200b\u0130\u00df\u00e9\u20ac\x1c\x00", max_size=5)
TEXTS = st.lists(st.none() | LETTERS, max_size=8)


@settings(max_examples=400)
@given(TEXTS, st.integers(0, 3))
@example([" a", "b ", None, "", " "], 0)
@example(["\u00a0a\u00a0", "caf\u00e9"], 1)
def test_both_ends_are_trimmed(texts: list[str | None], start: int) -> None:
    values = pa.array(texts, pa.string()).slice(start)
    assert trim(values).to_pylist() == [text and text.strip(BLANKS) for text in texts[start:]]


def test_trim_returns_the_same_array_if_nothing_changes() -> None:
    values = pa.array(["a b", "\u00e9t\u00e9", "\x1cx", None])
    assert trim(values) is values


@settings(max_examples=400)
@given(TEXTS, st.integers(0, 3))
@example(["Main  St", "MAIN ST", "main\tst"], 0)
@example(["STRASSE", "Stra\u00dfe", None], 0)
@example(["a ", " b"], 0)  # adjacent blanks, but in two texts
def test_texts_are_case_folded_and_collapsed(texts: list[str | None], start: int) -> None:
    values = pa.array(texts, pa.string()).slice(start)
    wanted = [text and re.sub(f"[{BLANKS}]+", " ", text).casefold() for text in texts[start:]]
    assert caseless(values).to_pylist() == wanted


def test_empty_arrays_and_nulls_are_unchanged() -> None:
    for values in (pa.array([], pa.string()), pa.nulls(2, pa.string()), pa.array(["", None])):
        assert trim(values).equals(values)
        assert caseless(values).equals(values)


def test_result_for_some_values_is_expanded_to_all() -> None:
    some = TransformResult(
        pa.array(["B", None]), failures("odd", [None, "is odd"], ["", "Mend it."]), pa.array(["7", None])
    )
    whole = TransformResult(pa.array(["a", None, "c", None]), extensions=pa.array(["1", None, None, None], pa.string()))
    result = some.among(np.array([1, 3]), whole)
    assert result.values.to_pylist() == ["a", "B", "c", None]
    assert result.extensions.to_pylist() == ["1", "7", None, None]
    assert result.findings[0].chosen.tolist() == [False, False, False, True]
    assert result.findings[0].texts(3) == ("is odd", "Mend it.")


def test_blank_rows_are_filled() -> None:
    column = Column(np.array([0, -1, 1, -1]), pa.array(["a", "b"]))
    assert column.filled_up("b").to_arrow().to_pylist() == ["a", "b", "b", "b"]
    assert column.filled_up("c", but=np.array([True, True, False, False])).to_arrow().to_pylist() == [
        "a",
        None,
        "b",
        "c",
    ]
    assert column.where(column.filled).filled_up("c", but=np.ones(4, bool)).codes.tolist() == [0, -1, 1, -1]


def test_tuples_are_numbered_in_order_of_first_rows() -> None:
    assert tuple_numbers([np.array([0, 1, 0, -1]), np.array([0, 0, 0, 0])]).tolist() == [0, 1, 0, 2]


def test_tuples_beyond_64_bits_are_numbered_too() -> None:
    """2²² values in each of four columns: 2⁸⁸ possible tuples, in 64 bits."""
    most = 2**22 - 2
    rows = [(most, 0, 7, most), (0, 0, 7, most), (most, 0, 7, most), (most, most, most, 0)]
    columns = [np.array(codes, np.int64) for codes in zip(*rows, strict=True)]
    assert tuple_numbers(columns).tolist() == [0, 1, 0, 2]


def test_repeated_pairs_are_removed() -> None:
    assert unrepeated(np.array([5, 5, 2, 5, 2]), np.array([1, 0, 1, 1, 1])).tolist() == [0, 1, 2]
    assert unrepeated(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
