"""The same customer twice in a file with different IDs: reported with both places, and rejected on request."""

from pathlib import Path

import pandas as pd
import pytest

from importer.commands.check import check
from importer.errors import UsageError
from importer.settings import Options

FILE = """Code,Customer,Street,City,ZIP
1,"Harbor Goods, Inc.",4 Pier Rd,Marlow,43000
2,Kestrel,1 Mill Ln,Austin,78701
3,HARBOR GOODS INC,4 Pier Rd.,Marlow,43000
"""
MAPPING = """title: T
key: Code
customer: {company_name: Customer}
addresses:
  - {type: {constant: billing}, address_line_1: Street, city: City, zip_code: ZIP}
"""


@pytest.mark.parametrize(
    ("dedupe", "code", "severities"), [("warn", 0, ["warning"]), ("off", 0, []), ("reject", 1, ["error"])]
)
def test_possible_duplicates_are_reported_by_policy(
    dedupe: str, code: int, severities: list[str], tmp_path: Path
) -> None:
    (tmp_path / "c.csv").write_text(FILE)
    (tmp_path / "m.yaml").write_text(MAPPING)
    sources, mapping = (str(tmp_path / "c.csv"),), str(tmp_path / "m.yaml")
    summary = check(Options(sources=sources, mapping=mapping, out=tmp_path / "out", dedupe=dedupe))
    assert summary["exit_code"] == code
    assert summary["options"]["dedupe"] == dedupe
    lines = pd.read_csv(Path(summary["folder"]) / "errors.csv", dtype=str)
    lines = lines[lines["code"] == "customer_alike"]
    assert lines["severity"].to_list() == severities
    assert (lines["row"] == "4").all()
    assert lines["hint"].str.startswith("c.csv:2 has the same company under ID 1").all()


def test_unknown_dedupe_policy_is_refused() -> None:
    with pytest.raises(UsageError, match="--dedupe: 'merge' is not valid"):
        Options(dedupe="merge")
