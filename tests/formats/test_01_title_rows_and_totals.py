"""Title rows above the header; blank rows; totals and timestamps below the data."""

from pathlib import Path

from tests.formats.loading import Checked

TEXT = (
    '"Acme, Inc",,\nCustomer Contact List,,\n\nCustomer full name,Phone,Open Balance\n'
    "Harbor Goods,415-555-0132,5.00\n,,\n"
    'Total Wine & More,,7.50\nTOTAL,,"$12.50"\n\n" Tuesday, Mar 05, 2024 10:30:15 AM GMT-8"\n'
)


def test_rows_around_the_table_are_counted_and_customers_kept(tmp_path: Path) -> None:
    checked = Checked(tmp_path, {"list.csv": TEXT.encode()})
    assert list(checked.names) == ["Harbor Goods", "Total Wine & More"]
    assert checked.skipped == {"title": 2, "blank": 3, "header": 1, "total": 1, "footer": 1}
    assert checked.problems == [("row_like_total", "7", "")]
