"""Why rows are skipped, kept in few bytes: held against an array of the texts themselves."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.grouping.row_status import SkipReasons

ROWS = 12
TEXTS = st.sampled_from([None, "inactive", "a vendor", "total"])
CHANGES = st.tuples(st.lists(st.integers(0, ROWS - 1), unique=True), st.lists(TEXTS, min_size=ROWS, max_size=ROWS))


@given(st.lists(CHANGES))
def test_reasons_are_those_that_were_given_last(changes: list[tuple[list[int], list[str | None]]]) -> None:
    reasons, plain = SkipReasons(ROWS), np.full(ROWS, None, object)
    for number, (rows, texts) in enumerate(changes):
        at = np.array(rows, np.int64)
        if number % 2 and texts[0] is not None:
            reasons[at] = texts[0]
            plain[at] = texts[0]
        else:
            given_texts = np.array(texts, object)[: len(at)]
            reasons[at] = given_texts
            plain[at] = given_texts
    assert reasons.to_arrow().to_pylist() == plain.tolist()
    assert reasons[np.arange(ROWS)].tolist() == plain.tolist()


def test_of_no_rows_there_are_none() -> None:
    assert SkipReasons(0).to_arrow().to_pylist() == []
