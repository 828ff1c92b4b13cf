"""Invented firms, people, streets, towns, and phone numbers, drawn from a seed.

Nothing here exists: towns are made up (their states and the first digits of their ZIP codes match), email addresses are
at example.com and example.org, and phone numbers come from blocks reserved for fiction: 555-0100 to 555-0199 in North
America, Ofcom's 020 7946 0xxx and 0161 496 0xxx in Britain, and the Bundesnetzagentur's (0)30 23125 xxx,
(0)40 66969 xxx, and (0)89 99998 xxx in Germany. The sales reps are those that the sandbox knows.
"""

import random
import re
import unicodedata
from dataclasses import dataclass, replace

__all__ = [
    "COUNTRY_FORMS",
    "FIRM_HEADS",
    "FIRM_TAILS",
    "FIRST_NAMES",
    "SALES_REPS",
    "STREETS",
    "SURNAMES",
    "TITLES",
    "TOWNS",
    "Firm",
    "Inventor",
    "Person",
    "Place",
    "Town",
    "ascii_slug",
]

SALES_REPS = ("Robin Vale", "Sam Okoro", "Ines Duarte", "Kim Larsen")

FIRM_HEADS = (
    *("Wobblewick", "Quillfeather", "Bramblesnout", "Tumblethorpe", "Gigglesworth", "Marmaladen", "Puddleford"),
    *("Snickerby", "Thistlewhump", "Dandelore", "Figglestone", "Mumblecrust", "Noodlemere", "Ottersplash"),
    *("Pumpernook", "Rumpleton", "Sproutwell", "Twiddlecombe", "Umberwhistle", "Vexley", "Wafflehurst"),
    *("Yonderfield", "Zigzagger", "Bumblequay", "Crumpetly", "Doodlebridge", "Flapwick", "Glimmerpot"),
)
FIRM_TAILS = (
    *("Lanterns", "Buttons", "Kettles", "Umbrellas", "Teapots", "Kites", "Pillows", "Marbles", "Whistles", "Candles"),
    *("Garden Gnomes", "Hammocks", "Rocking Chairs", "Cuckoo Clocks", "Paper Goods", "Rugs & Mats", "Glassware"),
)
SUFFIXES = ("Inc.", "LLC", "Co.", "& Sons", "Trading", "Supply", "")
FOREIGN_SUFFIXES = {
    "GB": ("Ltd", "Ltd T/A The Gadget Barn - Upper Crumpet"),
    "DE": ("GmbH", "Größenwahn KG"),
    "CA": ("Ltée", "Inc."),
}
FIRST_NAMES = (
    *("Ada", "Barnaby", "Clementine", "Dorcas", "Ebenezer", "Flora", "Gideon", "Hester", "Ignatius", "Jemima"),
    *("Kit", "Lavinia", "Mortimer", "Nettie", "Obadiah", "Prudence", "Quentin", "Rosalind", "Septimus", "Tabitha"),
    *("Ursula", "Valentine", "Winifred", "Xanthe", "Yorick", "Zelda", "André", "Zoë", "Jürgen", "Inés"),
)
SURNAMES = (
    *("Pennyfarthing", "Thimblebottom", "Gooseberry", "Underhay", "Winterbottle", "Larkspurrow", "Buttercrumb"),
    *("Fiddlewood", "Hobnail", "Inkpenny", "Jollyboat", "Kettlewhite", "Lemonade", "Mothersole", "Nutbeamer"),
    *("Oatencake", "Plumtreeson", "Quackenbird", "Raspberrow", "Spindleberg", "O'Tanglefoot", "Villefêtarde"),
)
TITLES = ("Owner", "Buyer", "Office Manager", "Accounts Payable", "Store Manager", "Purchasing")
STREETS = (
    *("Thimble Street", "Copper Kettle Lane", "Wren Avenue", "Old Button Road", "Marmalade Way", "Teaspoon Drive"),
    *("Lantern Court", "Pickwhistle Blvd", "Foxglove Terrace", "Gingerbread Row", "Snowdrop Pkwy", "Tinker's Mile"),
)
SECOND_LINES = ("Suite 200", "Apt 4B", "Dock 7", "Floor 3", "Unit 12", "Building C")


@dataclass(frozen=True)
class Town:
    """A made-up town; ``zip_head`` has the first three digits of its ZIP codes."""

    name: str
    state: str
    state_name: str
    zip_head: str
    area: str


TOWNS = (
    Town("Pickerel Falls", "OH", "Ohio", "430", "614"),
    Town("Marlow Bend", "OH", "Ohio", "441", "216"),
    Town("Quahog Harbor", "MA", "Massachusetts", "021", "617"),
    Town("North Thimbleton", "MA", "Massachusetts", "012", "413"),
    Town("Cranberry Sound", "NJ", "New Jersey", "070", "201"),
    Town("Maple Hollow Gore", "VT", "Vermont", "056", "802"),
    Town("Lobster Point", "ME", "Maine", "040", "207"),
    Town("Prickly Pear Springs", "TX", "Texas", "787", "512"),
    Town("Bluebonnet Gulch", "TX", "Texas", "770", "713"),
    Town("Fogbell", "CA", "California", "941", "415"),
    Town("Almond Flats", "CA", "California", "936", "559"),
    Town("Ferry Landing", "WA", "Washington", "981", "206"),
    Town("Moosewallow", "MT", "Montana", "598", "406"),
    Town("Peach Orchard", "GA", "Georgia", "303", "404"),
    Town("Catfish Bayou", "LA", "Louisiana", "701", "504"),
    Town("Snowshoe Prairie", "MN", "Minnesota", "554", "612"),
    Town("Windmill Junction", "KS", "Kansas", "672", "316"),
    Town("Rattlesnake Butte", "AZ", "Arizona", "850", "602"),
)
CANADA = (
    ("Beavertail Bay", "ON", "M5V 2T6", "416"),
    ("Saint-Érable", "QC", "H2X 1Y4", "514"),
    ("Salmon Inlet", "BC", "V6B 3K9", "604"),
)
BRITAIN = (("Nether Crumpet Green", "NW1 0ZZ"), ("Upper Crumpet", "M1 9ZZ"), ("Little Puddleford", "SW1 0ZZ"))
GERMANY = (("Krähwinkel-Nord", "10115"), ("Posemuckeldorf", "20095"), ("Schöppenstein", "80331"))

COUNTRY_FORMS = {
    "US": ("United States", "US", "USA", "United States of America", "united states"),
    "CA": ("Canada", "CA", "CAN"),
    "GB": ("United Kingdom", "GB", "GBR", "UK"),
    "DE": ("Germany", "DE", "DEU"),
}
_US_FORMATS = (
    *("({0}) {1}-{2}", "{0}-{1}-{2}", "{0}.{1}.{2}", "+1 {0} {1} {2}", "{0}{1}{2}", "1-{0}-{1}-{2}"),
    *("{0} {1} {2}", "+1 ({0}) {1}-{2}", "+1{0}{1}{2}"),
)


@dataclass(frozen=True)
class Person:
    """Someone who works for a firm."""

    first: str
    last: str
    email: str
    phone: str
    title: str


@dataclass(frozen=True)
class Place:
    """An address; ``country`` is alpha-2, and ``phone`` is written as people in that country write it."""

    line_1: str
    line_2: str
    city: str
    state: str
    post_code: str
    country: str
    phone: str


@dataclass(frozen=True)
class Firm:
    """A customer or supplier; ``phone`` can be read without knowing the country."""

    name: str
    email: str
    phone: str
    country: str


def ascii_slug(text: str) -> str:
    """``"Café & Sons"`` → ``"cafe.sons"``, for the local part of an email address."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return ".".join(re.findall(r"[a-z0-9]+", plain.replace("'", "").lower()))


class Inventor:
    """Draws invented data from ``rng``; firm names never repeat."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._taken: set[str] = set()

    def country(self) -> str:
        """An alpha-2 code: nine in ten are the United States."""
        return self.rng.choices(("US", "CA", "GB", "DE"), (90, 4, 4, 2))[0]

    def firm(self) -> Firm:
        """A firm with a name not used before."""
        country = self.country()
        name = self._name(country)
        while name in self._taken:
            name = self._name(country)
        self._taken.add(name)
        desk, slug = self.rng.choice(("accounts", "orders", "info")), ascii_slug(" ".join(name.split()[:2]))
        email = f"{desk}.{slug}@{self._domain()}"
        return Firm(name, email, self.phone(country, abroad=True), country)

    def _name(self, country: str) -> str:
        suffix = self.rng.choice(FOREIGN_SUFFIXES.get(country, SUFFIXES))
        return f"{self.rng.choice(FIRM_HEADS)} {self.rng.choice(FIRM_TAILS)} {suffix}".strip()

    def _domain(self) -> str:
        return self.rng.choice(("example.com", "example.org"))

    def person(self, country: str = "US") -> Person:
        """A person with an email address from their name and a phone that can be read without knowing the country."""
        first, last = self.rng.choice(FIRST_NAMES), self.rng.choice(SURNAMES)
        email = f"{ascii_slug(first)}.{ascii_slug(last)}@{self._domain()}"
        return Person(first, last, email, self.phone(country, abroad=True), self.rng.choice(TITLES))

    def place(self, country: str) -> Place:
        """An address in that country, with a phone of that country."""
        number, street = self.rng.randint(1, 998), self.rng.choice(STREETS)
        second = self.rng.choice(SECOND_LINES) if self.rng.random() < 0.3 else ""
        here = Place(f"{number} {street}", second, "", "", "", country, self.phone(country, abroad=False))
        if country == "CA":
            city, state, code, _ = self.rng.choice(CANADA)
            return replace(here, city=city, state=state, post_code=code)
        if country in {"GB", "DE"}:
            city, code = self.rng.choice(BRITAIN if country == "GB" else GERMANY)
            line = here.line_1 if country == "GB" else f"Fingerhutstraße {number}"
            return replace(here, line_1=line, city=city, post_code=code)
        town = self.rng.choice(TOWNS)
        state = town.state if self.rng.random() < 0.85 else town.state_name
        code = f"{town.zip_head}{self.rng.randint(1, 99):02}"
        code += f"-{self.rng.randint(1, 9999):04}" if self.rng.random() < 0.1 else ""
        return replace(here, city=town.name, state=state, post_code=code)

    def phone(self, country: str, *, abroad: bool) -> str:
        """A fictional number, written in one of the usual ways; ``abroad`` adds a country code other than +1."""
        line = self.rng.randint(100, 199)
        if country in {"US", "CA"}:
            area = self.rng.choice(CANADA)[3] if country == "CA" else self.rng.choice(TOWNS).area
            return self.rng.choice(_US_FORMATS).format(area, "555", f"0{line}")
        if country == "GB":
            area, block = self.rng.choice((("20", "7946"), ("161", "496")))
            return f"+44 {area} {block} 0{line}" if abroad else f"0{area} {block} 0{line}"
        area, block = self.rng.choice((("30", "23125"), ("40", "66969"), ("89", "99998")))
        return f"+49 {area} {block}{line}" if abroad else f"0{area} {block}{line}"
