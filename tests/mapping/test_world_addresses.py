"""Addresses in many countries, in one cell or in lines: each part is right or left out."""

import pytest

from importer.mapping.transforms.address_parser import read_address
from importer.tables import ProblemTable, Sources
from importer.validation.policies import Validated, apply_policies
from tests.mapping.support import apply, sheet
from tests.mapping.test_address_parser import as_text
from tests.support import validate_all


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (
            ["Unit 34", "Holystone Ind. Est.", "Hebburn", "Tyne & Wear", "NE31 1VB"],
            "Unit 34 | Holystone Ind. Est. | city=Hebburn | state=Tyne & Wear | zip=NE31 1VB",
        ),
        (
            ["Unit 54", "Shaw Road Industrial Estate", "Leeds", "West Yorkshire", "WF4 6PL"],
            "Unit 54 | Shaw Road Industrial Estate | city=Leeds | state=West Yorkshire | zip=WF4 6PL",
        ),
        (
            ["Little Wick Green", "Maidenhead", "Berkshire", "SL6 3QT", None],
            "Little Wick Green | city=Maidenhead | state=Berkshire | zip=SL6 3QT",
        ),
        (
            ["Unit 3", "Wellington Road", "Newcastle upon Tyne", "NE1 2AB"],
            "Unit 3 | Wellington Road | city=Newcastle upon Tyne | zip=NE1 2AB",
        ),
        (
            ["Unit 3", "County Durham Rd", "Sedgefield", "Co. Durham", "TS21 3AB"],
            "Unit 3 | County Durham Rd | city=Sedgefield | state=Co. Durham | zip=TS21 3AB",
        ),
        (
            ["Unit 7", "Station Approach", "Hove", "E. Sussex", "BN3 3AA"],
            "Unit 7 | Station Approach | city=Hove | state=E. Sussex | zip=BN3 3AA",
        ),
        (["12 High St", "York", "YO1 7AA"], "12 High St | city=York | zip=YO1 7AA"),
        (["1 Quay St", "Truro", "Cornwall TR1 2AB"], "1 Quay St | city=Truro | state=Cornwall | zip=TR1 2AB"),
    ],
)
def test_british_address_lines_are_parsed(lines: list[str | None], wanted: str) -> None:
    address = read_address(lines, "GB")
    assert (as_text(address), address.doubts) == (wanted, ())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("12 O'Connell St\nDublin 1\nD01 F5P2\nIreland", "city=Dublin 1 | country=IE | zip=D01 F5P2"),
        ("Karlova 3\n110 00 Praha 1\nCzech Republic", "city=Praha 1 | country=CZ | zip=110 00"),
        ("12 rue de la Paix\n75002 Paris 2e\nFrance", "city=Paris 2e | country=FR | zip=75002"),
        (
            "4 Main St\nKinsale\nCo. Cork\nP17 AB12\nIreland",
            "city=Kinsale | country=IE | state=Co. Cork | zip=P17 AB12",
        ),
        ("1-1-1 Marunouchi, Chiyoda-ku\nTokyo 100-0005\nJapan", "city=Tokyo | country=JP | zip=100-0005"),
        (
            "Rua Augusta, 1500\nS\u00e3o Paulo - SP\n01304-001\nBrazil",
            "city=S\u00e3o Paulo | country=BR | state=SP | zip=01304-001",
        ),
        ("Av. Paulista 9\n01310-100 Santos - SP\nBrasil", "city=Santos | country=BR | state=SP | zip=01310-100"),
        (
            "14 Marine Lines\nMumbai 400020\nMaharashtra\nIndia",
            "city=Mumbai | country=IN | state=Maharashtra | zip=400020",
        ),
        (
            "12, MG Road, Bengaluru, Karnataka - 560001, India",
            "city=Bengaluru | country=IN | state=Karnataka | zip=560001",
        ),
        ("5 Park Street, Kolkata, WB PIN: 700016, India", "city=Kolkata | country=IN | state=WB | zip=700016"),
        ("Rua A, 4, Recife, PE, CEP 50010-000, Brasil", "city=Recife | country=BR | state=PE | zip=50010-000"),
        ("Rua A, 4, Centro, S\u00e3o Paulo, 01001-000, Brasil", "city=S\u00e3o Paulo | country=BR | zip=01001-000"),
        (
            "Hidalgo 4, Guadalajara, Jalisco, C.P. 44100, M\u00e9xico",
            "city=Guadalajara | country=MX | state=Jalisco | zip=44100",
        ),
        ("C.so Italia 3, 10121 - Torino (TO), Italia", "city=Torino | country=IT | state=TO | zip=10121"),
        ("1 Raffles Place #12-01\nSingapore 048616", "city=Singapore | country=SG | zip=048616"),
        ("ul. D\u0142uga 5\n00-238 Warszawa\nPoland", "city=Warszawa | country=PL | zip=00-238"),
        ("Br\u012bv\u012bbas iela 1\nR\u012bga, LV-1010\nLatvia", "city=R\u012bga | country=LV | zip=1010"),
        ("10 Long St\nCape Town\n8001\nSouth Africa", "city=Cape Town | country=ZA | zip=8001"),
        ("Drottninggatan 1\n111 51 Stockholm\nSweden", "city=Stockholm | country=SE | zip=111 51"),
    ],
)
def test_packed_addresses_of_many_countries_are_parsed(text: str, wanted: str) -> None:
    address = read_address([text], None)
    assert as_text(address).endswith(wanted)
    assert not address.doubts


PACKED = """
title: Test
key: Id
customer: {company_name: Name}
addresses: [{type: {constant: billing}, packed: Bill}]
"""


def check(mapping: str, cells: str) -> Validated:
    made, table = apply(mapping, cells, country="US"), sheet(cells)
    found = ProblemTable.concat([made.problems, validate_all(made.tables, Sources((table,)))])
    return apply_policies(made.tables, found)


@pytest.mark.parametrize(
    "text", ["see notes", "Austin, TX 78701", "12 High St SL7 1AA", f"4 {'x' * 300}, Austin, TX 78701"]
)
def test_address_that_cannot_be_parsed_is_left_out_but_its_customer_kept(text: str) -> None:
    found = check(PACKED, f"Id|Name|Bill\n1|Harbor|{text}\n2|Kestrel|4 Pier Rd, Austin, TX 78701")
    assert found.rejected.tolist() == [False, False]
    assert found.lost_child.tolist() == [True, False]
    left_out = found.problems.frame[found.problems.frame["message"].str.contains("the address is left out")]
    assert set(left_out["severity"]) == {"warning"}


def test_invalid_field_with_its_own_column_rejects_the_customer() -> None:
    mapping = PACKED.replace("packed: Bill", "packed: Bill, phone: Tel")
    found = check(mapping, "Id|Name|Bill|Tel\n1|Harbor|4 Pier Rd, Austin, TX 78701|none")
    assert found.rejected.tolist() == [True]
