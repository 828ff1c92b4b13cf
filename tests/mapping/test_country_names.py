"""Countries and states as shops, ERPs, and CLDR write them; uncertain names are errors, and hints do not mislead."""

from pathlib import Path

import pyarrow as pa
import pytest

from importer.mapping.transforms import countries
from importer.mapping.transforms.countries import country, country_code, state
from tests.mapping import foreign_names
from tests.mapping.support import apply, column, problems

SHOPS = """
    United States (US)=US; United Kingdom (UK)=GB; Trinidad & Tobago=TT; Hong Kong SAR China=HK; Korea, South=KR
    Congo (Kinshasa)=CD; Falkland Islands=FK; Bahamas, The=BS; Netherlands, The=NL; Ireland, Republic of=IE
    St. Helena=SH; Myanmar (Burma)=MM; Virgin Islands (US)=VI; Kosovo=XK; XK=XK; US - United States=US; Hrvatska=HR
    Großbritannien=GB; Россия=RU; Canary Islands=ES; U.S.A.=US; DE Germany=DE; Germany DE=DE; USA/United States=US
    Puerto Rico (US)=PR; United States - Puerto Rico=PR; Jersey (Channel Islands)=JE; Congo - Brazzaville=CG
    Congo, The Democratic Republic Of The=CD; Korea, Democratic People's Republic of=KP; Virgin Islands, British=VG
    840=US; Czech Rep.=CZ; Rep. of Ireland=IE; N. Ireland=GB; S. Africa=ZA; Dominican Rep.=DO; DE-Deutschland=DE; D=DE
    US-United States of America=US; P.R. China=CN; Taiwan (R.O.C.)=TW; Holy See=VA; Madeira=PT; Tenerife=ES; Méjico=MX
    The Gambia=GM; Macedonia, The former Yugoslav Republic of=MK; Bosnia & Herzegovina=BA; Great Britain (UK)=GB
    GER=DE; SUI=CH; GB-ENG=GB; NIR=GB; IOM=IM; BVI=VG; USVI=VI
    Ireland (Republic of)=IE; Samoa, American=AS; Timor-Leste (East Timor)=TL; Macao SAR China=MO; EL=GR
"""
LANGUAGES = """
    Vereinigte Staaten von Amerika=US; Tschechische Republik=CZ; Oesterreich=AT; Elfenbeinküste=CI; Türkei=TR
    Royaume-Uni=GB; États-Unis=US; Côte d'Ivoire=CI; Pays-Bas=NL; Allemagne (DE)=DE; EE. UU.=US; Países Bajos=NL
    Alemania=DE; Stati Uniti=US; Svizzera=CH; Paesi Bassi=NL; Verenigd Koninkrijk=GB; België/Belgique=BE
    Duitsland=DE; Reino Unido=GB; Alemanha=DE; Suíça=CH; Wielka Brytania=GB; Stany Zjednoczone=US; Niemcy=DE
    Storbritannien=GB; Tyskland=DE; Österrike=AT; Storbritannia=GB; Sveits=CH; Kosowo=XK; Косово=XK
    Lëtzebuerg=LU; Suid-Afrika=ZA; Shqipëria=AL; Cymru=GB; საქართველო=GE; Հայաստան=AM; Azərbaycan=AZ; Қазақстан=KZ
    ประเทศไทย=TH; Pilipinas=PH; भारत=IN; پاکستان=PK; Føroyar=FO; Noreg=NO; Svizra=CH
    Slovenská republika=SK; РФ=RU; BRD=DE; Aotearoa=NZ; Монгол Улс=MN
    한국=KR; 日本国=JP; 日本=JP; 中国=CN; 대한민국=KR; Ελλάδα=GR; Suomi=FI; Česko=CZ; Magyarország=HU
"""


PAIRS = [pair.strip() for line in (SHOPS + LANGUAGES).split("\n") for pair in line.split(";") if pair.strip()]


@pytest.mark.parametrize("pair", PAIRS)
def test_common_country_spellings_are_recognized(pair: str) -> None:
    name, _, code = pair.partition("=")
    assert country_code(name) == code


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Irelnd", "Did you mean Ireland (IE)?"),
        ("Somaliland", "Enter the country's name or its two-letter code."),
        ("Netherlands Antilles", "Enter the country's name or its two-letter code."),
        ("Nigera", "Enter the country's name or its two-letter code."),
        ("Germany (FR)", "Enter the country's name or its two-letter code."),
        ("Paris, France", "Enter the country's name or its two-letter code."),
        ("California", "This is a state in the United States: is it in the wrong column? Enter the country here."),
    ],
)
def test_uncertain_country_is_an_error_with_a_safe_hint(text: str, hint: str) -> None:
    result = country(pa.array([text]))
    assert result.values.to_pylist() == [None]
    assert result.findings[0].texts(0) == ("is not a country", hint)


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("US-CA", "US", "CA"),
        ("CA - California", "US", "CA"),
        ("California (CA)", "US", "CA"),
        ("Kalifornien", "US", "CA"),
        ("N.Y.", "US", "NY"),
        ("Washington, D.C.", "US", "DC"),
        ("Nouvelle-Écosse", "CA", "NS"),
        ("CA-ON", "CA", "ON"),
        ("Lombardei", "IT", "Lombardei"),
        ("CDMX", "MX", "CMX"),
        ("D.F.", "MX", "CMX"),
        ("Bayern", "DE", "Bayern"),
        ("USA-MA", "US", "MA"),
        ("Fla.", "US", "FL"),
        ("Tenn", "US", "TN"),
        ("W. Virginia", "US", "WV"),
        ("N. Mex.", "US", "NM"),
        ("New York State", "US", "NY"),
        ("Ont.", "CA", "ON"),
        ("N.W.T.", "CA", "NT"),
        ("Estado de México", "MX", "MEX"),
        ("Orissa", "IN", "OD"),
        ("Reggio nell'Emilia", "IT", "RE"),
    ],
)
def test_common_state_spellings_are_recognized(text: str, place: str, code: str) -> None:
    result = state(pa.array([text]), pa.array([place]))
    assert (result.values.to_pylist(), result.findings) == ([code], ())


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("Virgina", "US", "Did you mean Virginia (VA)?"),
        ("Flu", "US", "It is sent unchanged."),
        ("Onti", "CA", "It is sent unchanged."),
    ],
)
def test_hint_names_a_state_not_its_code(text: str, place: str, hint: str) -> None:
    result = state(pa.array([text]), pa.array([place]))
    assert (result.values.to_pylist(), result.findings[0].texts(0)[1]) == ([text], hint)


def test_kosovo_is_sent_with_the_code_in_use() -> None:
    mapping = """
        title: Test
        key: Id
        customer: {company_name: Id}
        addresses: [{type: {constant: billing}, address_line_1: Street, country: Country}]
    """
    made = apply(mapping, "Id|Street|Country\n1|Rr. B 4|Republic of Kosovo")
    assert (column(made, "country", "address"), problems(made)) == (["XK"], [])


def test_committed_names_are_up_to_date() -> None:
    path = Path(countries.__file__).with_name("country_names.json")
    command = f"python -m {foreign_names.__name__} > importer/mapping/transforms/country_names.json"
    assert path.read_text(encoding="utf-8") == foreign_names.foreign_names(), f"run: {command}"
