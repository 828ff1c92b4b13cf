"""The names of countries, states, and counties as exports write them, in a form in which they can be compared."""

import gettext
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pycountry

# Names and codes that exports use, and that neither ISO nor CLDR lists.
_ALIASES = {
    "america": "US", "the united states": "US", "uk": "GB", "great britain": "GB", "britain": "GB", "england": "GB",
    "scotland": "GB", "wales": "GB", "northern ireland": "GB", "grossbritannien": "GB", "grande bretagne": "GB",
    "gran bretagna": "GB", "gran bretana": "GB", "groot brittannie": "GB", "gra bretanha": "GB", "inglaterra": "GB",
    "holland": "NL", "the netherlands": "NL", "niederlande holland": "NL", "hollande": "NL", "olanda": "NL",
    "holanda": "NL", "holandia": "NL", "nederland": "NL", "korea": "KR", "republic of korea": "KR", "rok": "KR",
    "dprk": "KP", "russia": "RU", "brunei": "BN", "ivory coast": "CI", "cape verde": "CV", "swaziland": "SZ",
    "macedonia": "MK", "fyrom": "MK", "turkey": "TR", "burma": "MM", "macau": "MO", "macau sar": "MO",
    "macao sar": "MO",
    "hong kong sar": "HK", "vatican": "VA", "vatican city": "VA", "vatican city state": "VA", "palestine": "PS",
    "micronesia": "FM", "east timor": "TL", "uae": "AE", "emirates": "AE", "ksa": "SA", "rsa": "ZA", "prc": "CN",
    "mainland china": "CN", "eire": "IE", "republic of ireland": "IE", "irish republic": "IE", "virgin islands": "VI",
    "us virgin islands": "VI", "british virgin islands": "VG", "saint lucia": "LC", "saint martin": "MF",
    "saint kitts and nevis": "KN", "saint vincent": "VC", "trinidad": "TT", "tobago": "TT", "falklands": "FK",
    "saint helena": "SH", "congo kinshasa": "CD", "kinshasa": "CD", "dr congo": "CD", "drc": "CD", "zaire": "CD",
    "democratic republic of congo": "CD", "congo brazzaville": "CG", "brazzaville": "CG", "republic of congo": "CG",
    "czech republic": "CZ", "bosnia": "BA", "antigua": "AG", "el": "GR", "republic of kosovo": "XK", "xkx": "XK",
    "kosova": "XK", "saint barths": "BL", "saint barts": "BL", "bonaire": "BQ", "curacao": "CW", "pitcairn": "PN",
    "south georgia": "GS", "wallis and futuna": "WF", "reunion island": "RE", "aland": "AX", "aland islands": "AX",
    "eeuu": "US", "ee uu": "US", "eua": "US", "etats unis damerique": "US", "lao pdr": "LA", "vr china": "CN",
    "russian fed": "RU", "bosnia and herz": "BA", "former yugoslav republic of macedonia": "MK", "tschechei": "CZ",
    "elfenbeinkuste": "CI", "weissrussland": "BY", "byelorussia": "BY", "moldavia": "MD", "swasiland": "SZ",
    "brd": "DE", "cymru": "GB", "ellada": "GR", "nippon": "JP", "nihon": "JP", "bharat": "IN", "shqiperia": "AL",
    "slovenska republika": "SK", "makedonija": "MK", "sakartvelo": "GE", "hayastan": "AM", "rossiya": "RU",
    "poblacht na heireann": "IE", "рф": "RU", "ประเทศไทย": "TH", "монгол улс": "MN", "日本国": "JP", "한국": "KR",
    "d": "DE", "a": "AT", "pr china": "CN", "roc": "TW", "holy see": "VA", "faeroe islands": "FO", "mejico": "MX",
    "madeira": "PT", "azores": "PT", "acores": "PT", "tenerife": "ES", "gran canaria": "ES", "mallorca": "ES",
    "balearic islands": "ES", "corsica": "FR", "corse": "FR", "sardinia": "IT", "sicily": "IT", "crete": "GR",
    "dubai": "AE", "abu dhabi": "AE", "zanzibar": "TZ", "ger": "DE", "sui": "CH", "ned": "NL", "iom": "IM", "bvi": "VG",
    "usvi": "VI", "hksar": "HK", "eng": "GB", "sct": "GB", "wls": "GB", "nir": "GB",
}  # fmt: skip
# What belongs to another country and has a code of its own: "Puerto Rico (US)" is Puerto Rico.
_TERRITORIES = {
    "US": "PR VI GU AS MP UM", "GB": "JE GG IM GI BM KY VG FK AI TC MS IO PN SH GS", "CN": "HK MO TW", "DK": "GL FO",
    "FR": "RE GP MQ GF YT PM WF NC PF BL MF TF", "NL": "AW CW SX BQ", "AU": "CX CC NF HM", "NZ": "CK NU TK",
    "NO": "SJ BV", "FI": "AX", "RS": "XK",
}  # fmt: skip
MAIN_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb")
_IN_ISO = {"nb": "nb_NO", "zh": "zh_CN", "zh_Hant": "zh_TW", "sr_Latn": "sr@latin"}  # how pycountry calls them
CODED = ("US", "CA", "AU", "MX", "BR", "IN", "IT")  # where addresses are written with the subdivisions' codes
_BETWEEN = frozenset({"the", "of", "and", "y", "e", "et", "und", "en", "de", "da", "di", "la", "le", "do", "och", "og"})
# What stands beside a country's name and says nothing more.
NOISE = frozenset({"", "the", "eu", "eea", "europe", "european union", "sar", "channel islands", "west indies"})
STATE_ALIASES = {
    "US": {
        "washington dc": "DC", "armed forces americas": "AA", "aa": "AA", "armed forces europe": "AE", "ae": "AE",
        "armed forces pacific": "AP", "ap": "AP", "virgin islands": "VI", "ala": "AL", "ariz": "AZ", "ark": "AR",
        "calif": "CA", "cal": "CA", "colo": "CO", "conn": "CT", "del": "DE", "fla": "FL", "ida": "ID", "ill": "IL",
        "ills": "IL", "kan": "KS", "kans": "KS", "mass": "MA", "mich": "MI", "minn": "MN", "miss": "MS", "mont": "MT",
        "neb": "NE", "nebr": "NE", "nev": "NV", "n mex": "NM", "n dak": "ND", "s dak": "SD", "okla": "OK",
        "ore": "OR", "oreg": "OR", "penn": "PA", "penna": "PA", "tenn": "TN", "tex": "TX", "wash": "WA", "w va": "WV",
        "wis": "WI", "wisc": "WI", "wyo": "WY",
    },
    "MX": {"cdmx": "CMX", "distrito federal": "CMX", "df": "CMX", "edo mex": "MEX", "edomex": "MEX"},
    "CA": {
        "pei": "PE", "newfoundland": "NL", "labrador": "NL", "yukon territory": "YT", "pq": "QC", "alta": "AB",
        "man": "MB", "nfld": "NL", "nf": "NL", "nwt": "NT", "ont": "ON", "que": "QC", "sask": "SK",
    },
    "IN": {"orissa": "OD", "uttaranchal": "UK", "pondicherry": "PY", "tamilnadu": "TN", "or": "OD"},
    "IT": {"reggio nellemilia": "RE", "reggio di calabria": "RC", "forli": "FC"},
}  # fmt: skip
# Words of names that are abbreviated, in plain form.
_SHORT_WORDS = {
    "n": "north", "no": "north", "s": "south", "so": "south", "e": "east", "w": "west", "rep": "republic",
    "dem": "democratic", "fed": "federation", "is": "islands", "isl": "islands", "terr": "territory",
}  # fmt: skip
_AROUND_STATE = re.compile(r"^(?:state|province|estado|provincia|departamento) (?:of|de|di) | (?:state|province)$")
_SPELLED = str.maketrans({"ø": "o", "ł": "l", "&": " and "})


def plain(text: str) -> str:
    """Without case, accents, dots and surplus spaces, ``&`` and ``St.`` spelled out: how names are compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_SPELLED))
    kept = "".join(letter for letter in decomposed if letter not in "'\u2019" and not unicodedata.combining(letter))
    words = " ".join(re.sub(r"[^\w\s]", " ", kept).replace("_", " ").split())
    words = re.sub(r"\b(\w) (?=\w\b)", r"\1", words)  # U.S.A. is USA
    return re.sub(r"\bst\b", "saint", words)


def spelled_out(name: str) -> tuple[str, str]:
    """A name in plain form without abbreviations, as it may be meant: ``n ireland`` → north and northern Ireland."""
    full = " ".join(_SHORT_WORDS.get(word, word) for word in _AROUND_STATE.sub("", name).split())
    return full, re.sub(r"\b(north|south|east|west)\b", r"\1ern", full)


@cache
def english_names() -> dict[str, str]:
    """Codes and English names, in plain form → alpha-2."""
    names: dict[str, str] = {}
    for item in pycountry.countries:
        for attribute in ("name", "official_name", "common_name", "alpha_2", "alpha_3", "numeric"):
            if hasattr(item, attribute):
                names.setdefault(plain(getattr(item, attribute)), item.alpha_2)
    aliases = {plain(name): code for name, code in _ALIASES.items()}
    return names | aliases | {"xk": "XK", "kosovo": "XK"}


@cache
def _foreign() -> dict[str, dict[str, str]]:
    """Names in the main and in more languages, whole and by their words → alpha-2: ``tests.mapping.foreign_names``."""
    text = Path(__file__).with_name("country_names.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


@cache
def country_names(*, more: bool = False) -> dict[str, str]:
    """Codes, English names, and names in the main languages or ``more``, in plain form → alpha-2."""
    names = _foreign()["main"] | english_names()
    return _foreign()["more"] | names if more else names


def country_by_words(several: frozenset[str], *, more: bool = False) -> str | None:
    """The country with these words in its name, whatever their order (``Korea, Republic of``); if it is certain."""
    return _foreign()["more by words" if more else "main by words"].get(" ".join(sorted(several)))


def translation(domain: str, language: str) -> gettext.NullTranslations:
    """ISO's names of countries (``iso3166-1``) or subdivisions (``iso3166-2``) in a language."""
    name = _IN_ISO.get(language, language)
    return gettext.translation(domain, pycountry.LOCALES_DIR, languages=[name], fallback=True)


def words(name: str) -> frozenset[str]:
    """The words of a name in plain form that tell it from others."""
    return frozenset(name.split()) - _BETWEEN


def most_special(codes: Iterable[str]) -> str | None:
    """The one country that several codes mean: the territory, if the other is the country that it belongs to."""
    found = set(codes)
    found -= {owner for owner, own in _TERRITORIES.items() if found & set(own.split())}
    return found.pop() if len(found) == 1 else None


@cache
def state_names(country: str) -> dict[str, str]:
    """The states of a country: codes and names in plain form → the code."""
    names = dict(STATE_ALIASES.get(country, {}))
    known = pycountry.countries.get(alpha_2=country)
    for item in _subdivisions(country):
        code = item.code.split("-")[1]
        for name in (item.name, code, item.code, f"{known.alpha_3 if known else country}-{code}"):
            names.setdefault(plain(name), code)
    return names


@cache
def foreign_state_names(country: str) -> dict[str, str]:
    """The states of a country in other languages; only names that are certain."""
    languages = [translation("iso3166-2", language) for language in MAIN_LANGUAGES]
    items = [(item.name, item.code.split("-")[1]) for item in _subdivisions(country)]
    return certain((plain(texts.gettext(name)), code) for texts in languages for name, code in items)


def certain(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name → code, without the names that have several codes."""
    codes: dict[str, set[str]] = {}
    for name, code in pairs:
        codes.setdefault(name, set()).add(code)
    return {name: own.pop() for name, own in codes.items() if len(own) == 1}


@cache
def countries_to_choose(*, codes: bool) -> tuple[str, ...]:
    """What a person can choose as a country: ISO's alpha-2 codes, or the usual English names; in order."""
    names = {item.alpha_2: getattr(item, "common_name", item.name) for item in pycountry.countries} | {"XK": "Kosovo"}
    return tuple(sorted(names if codes else names.values()))


@cache
def states_to_choose(country: str, *, codes: bool) -> tuple[str, ...]:
    """What a person can choose as a state of a country; nothing where addresses are written without states' codes."""
    if country not in CODED:
        return ()
    return tuple(sorted(item.code.split("-")[1] if codes else item.name for item in _subdivisions(country)))


def _subdivisions(country: str) -> Iterator[pycountry.db.Data]:
    """The subdivisions whose codes are written in addresses: Lombardy's 25 is not."""
    every = pycountry.subdivisions.get(country_code=country) or ()  # type: ignore[no-untyped-call]  # as shipped
    return (item for item in every if item.code.split("-")[1].isalpha())


# British and Irish counties as they are written in addresses; ISO lists today's authorities, most of them towns.
_ONE_WORD = """
    bedfordshire berkshire buckinghamshire cambridgeshire cheshire cornwall cumberland cumbria derbyshire devon dorset
    durham essex gloucestershire hampshire herefordshire hertfordshire huntingdonshire kent lancashire leicestershire
    lincolnshire merseyside middlesex norfolk northamptonshire northumberland nottinghamshire oxfordshire rutland
    shropshire somerset staffordshire suffolk surrey sussex warwickshire westmorland wiltshire worcestershire yorkshire
    avon cleveland humberside anglesey brecknockshire caernarfonshire carmarthenshire ceredigion clwyd conwy
    denbighshire dyfed flintshire glamorgan gwent gwynedd merionethshire monmouthshire montgomeryshire pembrokeshire
    powys radnorshire aberdeenshire angus argyll ayrshire banffshire berwickshire caithness clackmannanshire
    dumfriesshire dunbartonshire fife kincardineshire kirkcudbrightshire lanarkshire midlothian moray nairnshire
    peeblesshire perthshire renfrewshire roxburghshire selkirkshire stirlingshire sutherland wigtownshire antrim armagh
    down fermanagh londonderry tyrone beds berks bucks cambs derbys glos hants herts lancs leics lincs northants notts
    oxon salop staffs warks wilts worcs yorks middx northd
"""
_MORE_WORDS = """
    greater london, greater manchester, tyne and wear, west midlands, north yorkshire, south yorkshire, west yorkshire,
    east yorkshire, east riding of yorkshire, east sussex, west sussex, isle of wight, isle of man, mid glamorgan,
    south glamorgan, west glamorgan, vale of glamorgan, east lothian, west lothian, west berkshire, scottish borders,
    dumfries and galloway, isle of anglesey, north humberside, south humberside, north somerset, south gloucestershire,
    argyll and bute, perth and kinross, w yorks, n yorks, s yorks, w mids
"""
_COUNTIES = frozenset([*_ONE_WORD.split(), *(" ".join(name.split()) for name in _MORE_WORDS.split(","))])
_CALLED_COUNTY = re.compile(r"^(?:co\.?|county)\s+\S.*$", re.IGNORECASE)  # Co. Durham, County Cork


def is_county(text: str) -> bool:
    """Whether a line of an address is a county."""
    name = " ".join(text.replace("&", " and ").replace(".", " ").split()).casefold()
    return not _COUNTIES.isdisjoint((name, *spelled_out(name))) or _CALLED_COUNTY.match(text) is not None
