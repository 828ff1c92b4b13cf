"""Dealing out customers with their rows."""

import numpy as np
import pytest

from importer.mapping.grouping import customer_ranges as share


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_rows_are_counted_alike_however_many_at_a_time(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "_COUNTED", at_once)
    whose = np.array([-1, 0, 2, 2, 5, -1, 1, 2], np.int32)
    assert share._sizes(whose, 7).tolist() == [1, 1, 3, 0, 0, 1, 0]
    assert share._sizes(whose[:0], 2).tolist() == [0, 0]
