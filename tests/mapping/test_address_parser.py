"""Addresses in one text or in untyped lines are split, and every doubt is reported."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.mapping.transforms.address_parser import PostalAddress, read_address


def as_text(address: PostalAddress) -> str:
    """The street lines, then the other parts by name, in one text."""
    pieces = [f"{name.removesuffix('_code')}={line.text}" for name, line in sorted(address.pieces.items())]
    return " | ".join([*(line.text for line in address.street), *pieces])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # American, in one line
        ("4400 Wren Ave Apt 2 Marlow OH 43000", "4400 Wren Ave Apt 2 | city=Marlow | state=OH | zip=43000"),
        ("4 Pier Rd, Austin, TX 78701 USA", "4 Pier Rd | city=Austin | country=US | state=TX | zip=78701"),
        ("4 Pier Rd\nAustin TX 78701 US", "4 Pier Rd | city=Austin | country=US | state=TX | zip=78701"),
        ("4 Pier Rd, Unit 2, Austin, TX 78701-1234", "4 Pier Rd, Unit 2 | city=Austin | state=TX | zip=78701-1234"),
        ("4 Pier Rd, Marlow, Ohio 43000", "4 Pier Rd | city=Marlow | state=OH | zip=43000"),
        (
            "12 Pier Rd Suite 5 San Francisco, CA 94105",
            "12 Pier Rd Suite 5 | city=San Francisco | state=CA | zip=94105",
        ),
        ("PO Box 12 Austin TX 78701", "PO Box 12 | city=Austin | state=TX | zip=78701"),
        ("7 Elm St, New York, New York 10118", "7 Elm St | city=New York | state=NY | zip=10118"),
        ("7 Elm St, Charleston, West Virginia 25301", "7 Elm St | city=Charleston | state=WV | zip=25301"),
        (
            "Attn: Dana Reyes 4 Pier Rd Marlow OH 43000",
            "4 Pier Rd | attention=Dana Reyes | city=Marlow | state=OH | zip=43000",
        ),
        ("12 Peach St, Atlanta, Georgia 30303", "12 Peach St | city=Atlanta | state=GA | zip=30303"),
        # American, in lines
        (
            "4 Pier Rd\nSuite 5\nAustin, TX 78701\nUSA",
            "4 Pier Rd | Suite 5 | city=Austin | country=US | state=TX | zip=78701",
        ),
        ("4 Pier Rd\r\nAustin\r\nTX 78701", "4 Pier Rd | city=Austin | state=TX | zip=78701"),
        ("4 Pier Rd\nAustin TX\n78701", "4 Pier Rd | city=Austin | state=TX | zip=78701"),
        ("4400 Wren Ave\nApt 2 Marlow OH 43000", "4400 Wren Ave | Apt 2 | city=Marlow | state=OH | zip=43000"),
        (
            "4 Pier Rd\nAustin, TX\u00a078701\nTel. (512) 555-0132",
            "4 Pier Rd | city=Austin | phone=(512) 555-0132 | state=TX | zip=78701",
        ),
        (
            "ATTN: Dana Reyes\n4 Pier Rd\nAustin, TX 78701\ndana@example.com",
            "4 Pier Rd | attention=Dana Reyes | city=Austin | email=dana@example.com | state=TX | zip=78701",
        ),
        ("Harbor Goods\n4 Pier Rd\nAustin, TX 78701", "Harbor Goods | 4 Pier Rd | city=Austin | state=TX | zip=78701"),
        ("4 Pier Rd,Marlow,OH,43000,US", "4 Pier Rd | city=Marlow | country=US | state=OH | zip=43000"),
        ("PSC 12 Box 34\nAPO AE 09021", "PSC 12 Box 34 | city=APO | state=AE | zip=09021"),
        ("CMR 480 Box 12\nFPO, AP 96349", "CMR 480 Box 12 | city=FPO | state=AP | zip=96349"),
        # of other countries
        ("4 Pier Rd\nLeeds\nUnited Kingdom\nLS1 1AA", "4 Pier Rd | city=Leeds | country=GB | zip=LS1 1AA"),
        ("Weg 3\nDresden\nGermany\n01067", "Weg 3 | city=Dresden | country=DE | zip=01067"),
        ("1 Mill Ln\nToronto ON\nCanada\nM5V 2T6", "1 Mill Ln | city=Toronto | country=CA | state=ON | zip=M5V 2T6"),
        ("Unit 5, The Old Mill, Leeds, LS1 1AA", "Unit 5 | The Old Mill | city=Leeds | zip=LS1 1AA"),
        ("12 High St, Leeds LS1 1AA", "12 High St | city=Leeds | zip=LS1 1AA"),
        (
            "12 bis rue de la Paix, 75002 Paris Cedex 02, France",
            "12 bis rue de la Paix | city=Paris Cedex 02 | country=FR | zip=75002",
        ),
        (
            "1234 Rue St-Denis #5, Montr\u00e9al (Qu\u00e9bec) H2X 3K8",
            "1234 Rue St-Denis #5 | city=Montr\u00e9al | state=QC | zip=H2X 3K8",
        ),
        ("4 Pier Rd\nCalgary (Alberta) T2P 1J9", "4 Pier Rd | city=Calgary | state=AB | zip=T2P 1J9"),
        (
            "111 Wellington St\nOttawa, ON K1A 0A9\nCanada",
            "111 Wellington St | city=Ottawa | country=CA | state=ON | zip=K1A 0A9",
        ),
        ("111 Wellington St, Ottawa, Ontario K1A0A9", "111 Wellington St | city=Ottawa | state=ON | zip=K1A0A9"),
        (
            "221B Baker Street\nLondon NW1 6XE\nUnited Kingdom",
            "221B Baker Street | city=London | country=GB | zip=NW1 6XE",
        ),
        (
            "12 High St\nMarlow\nBuckinghamshire\nSL7 1AA",
            "12 High St | city=Marlow | state=Buckinghamshire | zip=SL7 1AA",
        ),
        ("12 High St, Marlow, SL7 1AA, UK", "12 High St | city=Marlow | country=GB | zip=SL7 1AA"),
        ("1 George St\nSydney NSW 2000\nAustralia", "1 George St | city=Sydney | country=AU | state=NSW | zip=2000"),
        ("Hauptstr. 5\nD-10115 Berlin\nGermany", "Hauptstr. 5 | city=Berlin | country=DE | zip=10115"),
        (
            "Keizersgracht 1\n1015 CN Amsterdam\nNetherlands",
            "Keizersgracht 1 | city=Amsterdam | country=NL | zip=1015 CN",
        ),
        ("Via Roma 1\n20121 Milano (MI)\nItaly", "Via Roma 1 | city=Milano | country=IT | state=MI | zip=20121"),
        (
            "1 MG Road\nMumbai, Maharashtra 400001\nIndia",
            "1 MG Road | city=Mumbai | country=IN | state=Maharashtra | zip=400001",
        ),
    ],
)
def test_address_is_parsed_without_doubts(text: str, wanted: str) -> None:
    address = read_address([text], None)
    assert as_text(address) == wanted
    assert not address.doubts


@pytest.mark.parametrize(
    ("text", "wanted", "doubt"),
    [
        ("100 Broadway New York NY 10005", "100 Broadway | city=New York | state=NY | zip=10005", "nothing shows"),
        ("5 Main St Louis MO 63101", "city=St Louis", "nothing shows"),
        ("4 Pier Rd East Marlow OH 43000", "city=East Marlow", "'East' may belong"),
        ("4 Pier Rd\nMarlow, OH", "4 Pier Rd | city=Marlow | state=OH", "no postal code"),
        ("4 Pier Rd\nMarlow", "4 Pier Rd | city=Marlow", "no postal code"),
        ("4 Pier Rd\nAustin 78701", "city=Austin | zip=78701", "no state"),
        ("4 Pier Rd Marlow", "4 Pier Rd Marlow", "no city"),
        ("4 Pier Rd\nMarlow, OH 43000; Oakland, CA 94607", "4 Pier Rd | Marlow, OH 43000; Oakland", "usual order"),
        ("see notes", "see notes", "no city"),
        ("Austin, TX 78701", "city=Austin | state=TX | zip=78701", "no street"),
        ("Fax: 512 555 0133", "", "no street and no city"),
        ("Hauptstr. 5\n10115 Berlin", "city=Berlin | zip=10115", "country is not known"),
        ("12 High St SL7 1AA", "12 High St | zip=SL7 1AA", "no city"),
        ("Hauptstr. 5, D-80331 M\u00fcnchen", "Hauptstr. 5 | city=M\u00fcnchen | zip=80331", "country is not known"),
        (
            "4 Pier Rd\nMarlow OH 43000\nDeliver to rear dock\nGate code 1234",
            "4 Pier Rd | city=Marlow | state=OH | zip=43000",
            "lines below the postal code",
        ),
        ("4 Pier Rd\nLeeds LS1 1AA\nUK\nring bell", "4 Pier Rd | city=Leeds | country=GB | zip=LS1 1AA", "lines below"),
        ("111 Wellington St Ottawa ON K1A 0A9", "city=Ottawa", "the street and city are on one line"),
    ],
)
def test_doubts_are_reported(text: str, wanted: str, doubt: str) -> None:
    address = read_address([text], None)
    assert wanted in as_text(address)
    assert any(doubt in said for said in address.doubts)


def test_home_country_applies_if_none_is_named() -> None:
    address = read_address(["Hauptstr. 5\n10115 Berlin"], "DE")
    assert (as_text(address), address.doubts) == ("Hauptstr. 5 | city=Berlin | zip=10115", ())
    assert "state=TX" in as_text(read_address(["4 Pier Rd, Austin, TX 78701"], "GB"))


def test_each_doubt_is_reported_once_and_fits_the_home_country() -> None:
    assert read_address(["12 High St SL7 1AA"], None).doubts == ("no city was found before the postal code",)
    address = read_address(["RR 2 Box 45\nSt. Albans VT 5478"], "US")
    assert as_text(address) == "RR 2 Box 45 | city=St. Albans | state=VT | zip=5478"
    assert address.doubts == ("its postal code is not valid in US",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Pier Road\nLebanon\n03766", "Pier Road | city=Lebanon | zip=03766"),  # nothing else can be its town
        ("1 Pier Rd\nUnit B\nSingapore\n048616", "1 Pier Rd | Unit B | city=Singapore | country=SG | zip=048616"),
    ],
)
def test_town_above_a_postal_code_may_have_a_country_name(text: str, wanted: str) -> None:
    assert as_text(read_address([text], None)) == wanted


def test_pieces_have_their_cells() -> None:
    address = read_address(["Harbor Goods", None, "4 Pier Rd", "Austin, TX 78701", "512-555-0132"], None)
    cells = {name: line.cell for name, line in address.pieces.items()}
    assert cells == {"city": 3, "state": 3, "zip_code": 3, "phone": 4}
    assert [line.cell for line in address.street] == [0, 2]


def test_text_that_fits_no_field_is_left_over() -> None:
    address = read_address(["4 Pier Rd\nAustin, TX 78701\nTel 512 555 0132\nPh 512 555 0133\nFax 512 555 0134"], None)
    assert address.left == ("Ph 512 555 0133", "Fax 512 555 0134")


@pytest.mark.parametrize("name", ["Georgia", "GA", "IN", "CA", "de", "Jersey 5"])
def test_last_line_that_may_be_a_state_is_not_a_country(name: str) -> None:
    assert "country" not in read_address([f"4 Pier Rd\nMarlow\n{name}"], None).pieces


@pytest.mark.parametrize(
    ("text", "home", "city", "country"),
    [
        ("5 Oak St\nRear Entrance\nLebanon\n03766", "US", "Lebanon", None),
        ("5 Oak St\nUnit 2\nMexico\n65265", "US", "Mexico", None),
        ("4 Pier Rd\nLeeds\nUnited Kingdom\nLS1 1AA", "GB", "Leeds", "GB"),
    ],
)
def test_country_above_a_postal_code_of_the_home_country_is_read(
    text: str, home: str, city: str, country: str | None
) -> None:
    pieces = read_address([text], home).pieces
    assert pieces["city"].text == city
    assert (pieces["country"].text if "country" in pieces else None) == country


WORDS = st.sampled_from(
    [
        *("4", "Pier", "Rd", "St", "Apt", "2", "Austin", "New", "York", "TX", "OH", "Ohio", "78701", "43000-1234"),
        *("K1A", "0A9", "SL7", "1AA", "USA", "UK", "Canada", "Attn:", "Dana", "Fax", "512-555-0132", "(512)"),
        *("dana@example.com", ",", ",", "\n", "\n", "#", ".", "-", "é"),
    ]
)


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=14), st.sampled_from([None, "US", "GB", "DE"]))
def test_no_part_of_an_address_is_lost(words: list[str], home: str | None) -> None:
    text = " ".join(words)
    address = read_address([text], home)
    kept = [*(line.text for line in address.street), *(line.text for line in address.pieces.values()), *address.left]
    if "country" in address.pieces or "state" in address.pieces or "attention" in address.pieces:
        return  # these are sent as codes, or without their label
    plain = "".join(filter(str.isalnum, " ".join(kept)))
    for label in ("Attn", "Fax"):
        text, plain = text.replace(label, ""), plain.replace(label, "")
    assert sorted(plain) == sorted(filter(str.isalnum, text))
