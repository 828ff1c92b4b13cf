"""A list of customers of twenty countries, as people write it, through the mapping for lists made by hand."""

# ruff: noqa: E501, RUF001 - a list is read by its lines, and is written as people write

import pytest

from importer.mapping import apply_mapping, load_mapping
from importer.tables import Sources
from tests.mapping.support import filled, records, sheet

LIST = """
No | Company | Contact | Phone | Email | Address | City | State | Zip | Country
1 | Harbor Goods | Dana Reyes | (415) 555-0132 | dana@example.com | 4 Pier Rd | Marlow | Ohio | 43000 | United States (US)
2 | Nordlicht GmbH | Jürgen Weiß | 030 901820 App. 4 | j.weiss@example.com | Hauptstr. 5 | Dresden | Sachsen | 1067 | Deutschland
3 | Alpenhof | Eva Gruber | 01/5123456 | eva@example.com | Ring 1 | Wien | | 1010 | Österreich
4 | Berghof AG | Urs Frei | 044 668 18 00 | urs@example.com | Bahnhofstr. 1 | Zürich | ZH | 8001 | Suisse
5 | Lumière SARL | Zoé Martin | 01 42 68 53 00 | zoe@example.com | 12 rue de la Paix | Bourg | | 1000 | FRANCE
6 | Rosso SpA | Luca Rossi | 06 12345678 | luca@example.com | Via Roma 1 | Roma | RM | 184 | Italia
7 | Sol y Mar | María de la Cruz | 933 01 23 45 | maria@example.com | C/ Mayor 1 | Barcelona | | 8001 | España
8 | Tejo Lda | João Silva | 213 456 789 | joao@example.com | Rua Augusta 1 | Lisboa | | 1100-048 | Portugal
9 | De Gracht BV | Jan van der Berg | 020 624 1111 | jan@example.com | Prinsengracht 1 | Amsterdam | | 1015 DK | Netherlands, The
10 | Brabo NV | Lotte Peeters | 02 512 34 56 | lotte@example.com | Meir 1 | Antwerpen | | 2000 | Belgique/België
11 | Kestrel Ltd | Ann O'Neil | 020 7946 0018 | ann@example.com | 1 High St | Leeds | West Yorkshire | LS1 1AA | Great Britain (UK)
12 | Liffey | Seán Byrne | 01 679 1234 | sean@example.com | 4 Quay St | Dublin 1 | | D01 F5P2 | Ireland, Republic of
13 | Wisła | Ewa Nowak | 22 621 12 34 | ewa@example.com | ul. Długa 5 | Warszawa | | 00-238 | Polska
14 | Mälaren AB | Åsa Lind | 08-123 456 78 | asa@example.com | Drottninggatan 1 | Stockholm | | 111 51 | Sverige (SE)
15 | Fjord AS | Kari Dahl | 22 12 34 56 | kari@example.com | Storgata 1 | Oslo | | 150 | Norge
16 | Sakura KK | 山田 太郎 | ０３－３２１２－３４５６ | taro@example.com | 1-1-1 Marunouchi | Tokyo | | 100-0005 | 日本
17 | Maple Inc. | Amy Chen | 416-555-0132 | amy@example.com | 100 King St W | Toronto | Ontario | M5X 1A9 | CA - Canada
18 | Southern Cross | Max Lee | (02) 9374 4000 | max@example.com | 5 Smith St | Darwin | NT | 800 | AUSTRALIA
19 | Ipanema Ltda | Ana Souza | (11) 3071-1234 | ana@example.com | Rua Augusta 1500 | São Paulo | São Paulo | 01304-001 | Brasil
20 | Drini | Arta Krasniqi | 038 200 123 | arta@example.com | Rr. B 4 | Prishtinë | | 10000 | Kosovo
"""

# Phone, first name, last name, state, post code, country.
WANTED = """
+14155550132 | Dana | Reyes | OH | 43000 | US
+4930901820 | Jürgen | Weiß | Sachsen | 01067 | DE
+4315123456 | Eva | Gruber | | 1010 | AT
+41446681800 | Urs | Frei | ZH | 8001 | CH
+33142685300 | Zoé | Martin | | 01000 | FR
+390612345678 | Luca | Rossi | RM | 00184 | IT
+34933012345 | María | de la Cruz | | 08001 | ES
+351213456789 | João | Silva | | 1100-048 | PT
+31206241111 | Jan | van der Berg | | 1015 DK | NL
+3225123456 | Lotte | Peeters | | 2000 | BE
+442079460018 | Ann | O'Neil | West Yorkshire | LS1 1AA | GB
+35316791234 | Seán | Byrne | | D01 F5P2 | IE
+48226211234 | Ewa | Nowak | | 00-238 | PL
+46812345678 | Åsa | Lind | | 111 51 | SE
+4722123456 | Kari | Dahl | | 0150 | NO
+81332123456 | 太郎 | 山田 | | 100-0005 | JP
+14165550132 | Amy | Chen | ON | M5X 1A9 | CA
+61293744000 | Max | Lee | NT | 0800 | AU
+551130711234 | Ana | Souza | SP | 01304-001 | BR
+38338200123 | Arta | Krasniqi | | 10000 | XK
"""


@pytest.fixture(scope="module")
def made() -> list[list[str]]:
    found = apply_mapping(load_mapping("generic-wide"), Sources((sheet(LIST),)), country="US")
    assert set(found.problems.errors["code"]) == set()
    customers = records(found)
    billing = [one for one in records(found, "address") if one["type"] == "billing"]
    names = (*((customers, name) for name in ("phone", "first_name", "last_name")),)
    names += tuple((billing, name) for name in ("state", "zip_code", "country"))
    return [[own[n].get(name, "") if filled(own[n].get(name)) else "" for own, name in names] for n in range(20)]


@pytest.mark.parametrize("number", range(20))
def test_each_customer(made: list[list[str]], number: int) -> None:
    assert made[number] == [cell.strip() for cell in WANTED.strip().splitlines()[number].split("|")]
