"""Problems with words, reported once for each word with its count.

An error about a word is reported for each of its cells, because it affects the cell's customer. In addition, a line
for the first of these cells sums up the word. Problems that do not affect a customer are reported only once per word.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.cell_text import fold
from importer.records import Severity
from importer.tables import ProblemTable
from importer.wording import counted, first_few

ONE_PER_WORD = frozenset({"word_left_out", "word_not_in_table"})  # codes of problems that have their word in the hint
_UNKNOWN = frozenset({"lookup_unresolved", "attribute_option", "value_unlisted", "invalid_type"})
_ADVICE = "Run `importer values` to map it once, in a table."
_MOST_NAMED = 10  # existing names in a hint
_FEWEST = 2  # records with an unknown word: for one record, its own problem says everything


def one_per_word(problems: ProblemTable, exists: Mapping[str, Sequence[str]]) -> ProblemTable:
    """The problems, with one line for each word that is left out or new, and one more for each unknown word.

    ``row`` is the position among all rows; the line is for the first row with the word. ``exists``: field → the
    existing names, if errors do not list them.
    """
    frame = problems.frame
    once = frame["code"].isin(ONE_PER_WORD).to_numpy(np.bool_)
    unknown = frame["code"].isin(_UNKNOWN).to_numpy(np.bool_)
    if not (once | unknown).any():
        return problems
    reported = _first_of_words(frame[once], "hint")
    reported = reported.assign(message=_counted(reported))
    sums = _first_of_words(frame[unknown & (frame["severity"] != str(Severity.INFO)).to_numpy(np.bool_)], "message")
    sums = sums[sums["_count"] >= _FEWEST]
    found = ProblemTable.build(
        len(sums),
        severity=Severity.WARNING,
        code="word_unknown",
        **{name: sums[name].array for name in ("entity", "field", "column", "value")},
        **{name: sums[name].to_numpy(np.int64) for name in ("customer", "record", "row")},
        message=_counted(sums),
        hint=[
            f"{hint}{_listed(exists.get(field, ()))} {_ADVICE}"
            for hint, field in zip(sums["hint"], sums["field"], strict=True)
        ],
    )
    return ProblemTable.concat([ProblemTable(frame[~once]), ProblemTable(reported[list(frame.columns)]), found])


def _first_of_words(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The first line of each word, in order, and its number of lines as ``_count``."""
    types = (frame["code"] == "invalid_type").to_numpy(np.bool_)  # whose message does not have the word
    words, values = _fold_all(frame[name]), np.where(types, _fold_all(frame["value"]), "")
    keyed = frame.assign(_word=words, _value=values).sort_values(["row", "column"], kind="stable")
    keys: list[Hashable] = ["code", "entity", "field", "_word", "_value"]
    counts = keyed.groupby(keys, sort=False, dropna=False)["row"].transform("size")
    return keyed.assign(_count=counts)[~keyed.duplicated(keys).to_numpy()].drop(columns=["_word", "_value"])


def _fold_all(texts: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    codes, distinct = pd.factorize(texts.fillna(""))
    return np.array([fold(text) for text in distinct] or [""], dtype=object)[codes]


def _counted(frame: pd.DataFrame) -> list[str]:
    """The messages, each with the number of its records."""
    lines = zip(frame["message"], frame["_count"].tolist(), frame["entity"], strict=True)
    return [f"{text} ({counted(count, entity)})" for text, count, entity in lines]


def _listed(names: Sequence[str]) -> str:
    return f" WizCommerce has {first_few(names, _MOST_NAMED)}." if names else ""
