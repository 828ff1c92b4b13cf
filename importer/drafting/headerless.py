"""Files without a header: they are recognized by data in the first row, and columns are named by their values."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from importer.cell_text import are_column_numbers
from importer.drafting.column_values import EMAIL, ColumnValues, column_values
from importer.drafting.open_questions import Questions
from importer.drafting.skip_rules import Question
from importer.tables import TEXT, Sources, SourceTable

NO_HEADER, HEADER = "no header", "header"
_DIGIT, _LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")
_FIRST = 100  # rows that the first one is compared with
_NUMBER = re.compile(r"[+(]?\d[\d\s()./-]{2,}")
_SURE, _LIKELY, _SOME = 0.8, 0.5, 0.25
_SHORT = 3  # letters in a state's code
_SHOWN = 4  # cells that the question shows


def name_columns(sources: Sources, questions: Questions) -> tuple[Sources, list[int]]:
    """The sources, with names for the columns of tables without a header, and the indexes of these tables.

    ``questions``: there is a question about each such table.
    """
    tables, named = list(sources.tables), []
    for at, table in enumerate(sources.tables):
        headers = list(table.headers)
        numbered = are_column_numbers(headers)
        if not len(table) or not (numbered or _is_data(headers) or _is_like_rows(table, headers)):
            continue
        shown = ", ".join(headers[:_SHOWN])
        looks = "only numbers the columns" if numbered else "looks like data"
        text = f"{table.name}: the first row {looks} ({shown}, …). Does the file have a header?"
        if questions.ask(Question(f"header:{table.name}", text, (NO_HEADER, HEADER), NO_HEADER)) == NO_HEADER:
            tables[at] = _with_names(table, [] if numbered else headers)
            named.append(at)
    return replace(sources, tables=tuple(tables)), named


def _is_data(headers: list[str]) -> bool:
    """Whether a row contains an email address or several numbers, as no header does."""
    numbers = sum(_NUMBER.fullmatch(header.strip()) is not None for header in headers)
    mails = (EMAIL.fullmatch(header.strip()) for header in headers if "@OData." not in header)  # a column of a Web API
    return any(mails) or numbers > 1


def _is_like_rows(table: SourceTable, headers: list[str]) -> bool:
    """Whether two headers or more have the form of most cells below, as ``C1`` and ``4 Pier Rd`` may.

    One of them begins with a number: ``Address 1`` has the form of some streets.
    """
    alike = []
    for at, header in enumerate(headers):
        if _DIGIT.search(header):
            forms = [_form(cell) for cell in table.frame.iloc[:_FIRST, at] if cell.strip()]
            alike += [header] * (forms.count(_form(header)) > len(forms) / 2)
    return len(alike) > 1 and any(_DIGIT.match(header.strip()) for header in alike)


def _form(text: str) -> str:
    """``C1`` → ``A0``, ``4 Pier Rd`` → ``0 A A``."""
    return _LETTERS.sub("A", _DIGIT.sub("0", text.strip()))


def _with_names(table: SourceTable, first: list[str]) -> SourceTable:
    """The table with names for its columns, and with its header, if it is ``first``, as the first row of data."""
    cells = {at: [*first[at : at + 1], *table.frame.iloc[:, at]] for at in range(len(table.headers))}
    values = [column_values(pa.chunked_array([pa.array(own, pa.string())])) for own in cells.values()]
    names = list(_names(values))
    frame = pd.DataFrame({name: pd.Series(own, dtype=TEXT) for name, own in zip(names, cells.values(), strict=True)})
    row = int(table.details.get("header_row", table.row_numbers[0] - 1))
    return replace(
        table,
        frame=frame,
        row_numbers=np.concatenate([[row][: len(first)], table.row_numbers]).astype(np.int64),
        broken=np.concatenate([[False][: len(first)], table.broken]),
        secrets=frozenset(),
        emptied={},
        stored=None,
    )


def _names(values: list[ColumnValues]) -> Iterator[str]:
    """A name for each column by its values, or by its position if the values are unclear."""
    given: set[str] = set()
    before = ""
    for number, own in enumerate(values, start=1):
        name = _name(own, before, number == 1)
        before = name if name and name not in given else f"Column {number}"
        given.add(before)
        yield before


def _name(values: ColumnValues, before: str, first: bool) -> str:
    """The name of a column by its values. ``before``: the previous column's name, because a city follows a street."""
    short = values.share(lambda text: len(text) <= _SHORT and text.isupper())
    said = {
        "Email": values.emails >= _SURE,
        "Website": values.urls >= _SURE,
        "Company": values.companies >= _SOME and values.spaced >= _LIKELY,
        "Customer Number": first and values.unique and values.spaced == 0,
        "State": before == "City" and short >= _SURE,
        "Zip Code": before in ("City", "State", "Street") and values.zips >= _SURE,
        "Phone": values.phones >= _SURE,
        "Country": before in ("City", "State", "Zip Code") and values.countries >= _SURE,
        "Street": values.with_digits >= _SURE and values.spaced >= _SURE and values.zips < _LIKELY,
        "City": before in ("Street", "Zip Code") and values.with_digits == 0 and values.lettered >= _SURE,
    }
    return next((name for name, is_said in said.items() if is_said), "")
