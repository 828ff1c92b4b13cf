"""Two header rows, or instruction rows under the header."""

from pathlib import Path

import pytest

from tests.formats.loading import MAPPING, Checked

NAMES, LABELS = "CardCode,CardName,Phone1\n", "BP Code,BP Name,Telephone 1\n"
INSTRUCTIONS = "Required. Unique ID,Max 83 characters,Free-Form Text\n"
ROWS = "0017,Harbor Goods,415-555-0132\n"
BOTH = """
title: A list
country: US
key: CardCode|BP Code
two_headers: true
customer: {company_name: CardName|BP Name, phone: Phone1|Telephone 1}
"""


@pytest.mark.parametrize("head", [NAMES + LABELS, LABELS + NAMES, NAMES + LABELS + INSTRUCTIONS])
def test_names_and_labels_in_either_order(tmp_path: Path, head: str) -> None:
    checked = Checked(tmp_path, {"list.csv": (head + ROWS).encode()}, BOTH)
    assert checked.names == {"0017": "Harbor Goods"}
    assert checked.skipped == {"header": 2} | ({"instructions": 1} if INSTRUCTIONS in head else {})


def test_instructions_below_a_single_header_are_skipped(tmp_path: Path) -> None:
    text = "Customer ID,Company Name,Phone\n" + INSTRUCTIONS + ROWS
    checked = Checked(tmp_path, {"list.csv": text.encode()}, MAPPING)
    assert (checked.names, checked.skipped) == ({"0017": "Harbor Goods"}, {"header": 1, "instructions": 1})
