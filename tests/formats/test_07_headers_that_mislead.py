"""Headers that collide or mislead; markers ``*``, ``(Req)``, and ``?``; the same header twice."""

from pathlib import Path

from tests.formats.loading import Checked


def test_decorated_and_repeated_headers_are_matched(tmp_path: Path) -> None:
    mapping = """
title: A list
country: US
key: Customer ID
customer:
  company_name: Customer full name
  first_name: Full name
  phone: Phone#2
"""
    text = "*Customer ID,Customer Full Name (Req),Full name?,Phone,Phone\n0017,Harbor Goods,Dana,ask,415-555-0132\n"
    checked = Checked(tmp_path, {"list.csv": text.encode()}, mapping)
    assert checked.names == {"0017": "Harbor Goods"}
    assert b'"phone":"+14155550132"' in checked.written
    assert checked.summary["unused_columns"] == {"list.csv": ["Phone"]}
