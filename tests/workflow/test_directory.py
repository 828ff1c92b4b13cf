"""Sales reps and price lists, looked up by the names in exports."""

import json
import uuid
from typing import Any

import pytest

from importer.workflow.directory import Directory, definitions, known_price_lists, known_reps
from tests.workflow.strict_api import strict_api

NAMES = (
    ("Maria", "de la Cruz"),
    ("Jan", "van der Berg"),
    ("Mary Ann", "O'Neil"),
    ("José", "García López"),
    ("Hans", "Müller-Lüdenscheidt"),
    ("Ann", "Mary"),
    ("Mary", "Ann"),
    ("Cher", ""),
)
REPS = [
    {"id": str(uuid.UUID(int=n)), "email": f"rep{n}@example.com", "first_name": first, "last_name": last}
    for n, (first, last) in enumerate(NAMES, start=1)
]


def names(*texts: str) -> list[list[str]]:
    directory = Directory({"sales_rep": known_reps(REPS)})
    return [[one.name for one in directory.find("sales_rep", text)] for text in texts]


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("Maria de la Cruz", ["de la Cruz, Maria", "DE LA CRUZ ,  maria", "Cruz, Maria de la", "maria de la cruz"]),
        ("Jan van der Berg", ["van der Berg, Jan", "Berg, Jan van der", "Jan van der Berg"]),
        ("Mary Ann O'Neil", ["O'Neil, Mary Ann", "O'NEIL, Mary\u00a0Ann"]),
        ("José García López", ["García López, José", "garci\u0301a lo\u0301pez, jose\u0301"]),
        ("Hans Müller-Lüdenscheidt", ["Müller-Lüdenscheidt, Hans"]),
        ("Cher", ["Cher", "cher", "REP8@example.com", str(uuid.UUID(int=8))]),
    ],
)
def test_rep_is_found_with_the_last_name_first(name: str, spellings: list[str]) -> None:
    assert names(*spellings) == [[name]] * len(spellings)


def test_order_of_names_matters() -> None:
    assert names("Ann Mary", "Mary, Ann", "Mary Ann", "Ann, Mary") == [
        ["Ann Mary"],
        ["Ann Mary"],
        ["Mary Ann"],
        ["Mary Ann"],
    ]
    assert names("Maria, de la Cruz", "de la Cruz", "Cruz, Maria", ",", "") == [[], [], [], [], []]


def test_two_reps_with_one_name_are_both_found() -> None:
    twins = [*REPS, {**REPS[0], "id": "other", "first_name": "Maria de", "last_name": "la Cruz"}]
    directory = Directory({"sales_rep": known_reps(twins)})
    assert len(directory.find("sales_rep", "de la Cruz, Maria")) == 2


def test_name_with_its_own_comma_takes_precedence() -> None:
    lists = [{"id": "1", "name": "Wholesale, US"}, {"id": "2", "name": "US Wholesale"}]
    directory = Directory({"price_list": known_price_lists(lists)})
    assert [directory.find("price_list", name)[0].id for name in ("Wholesale, US", "US Wholesale")] == ["1", "2"]


MAPPING = """\
title: Reps
key: Id
customer:
  company_name: Name
  assigned_sales_rep_ids: {from: [Rep, Second], split: ";", lookup: sales_rep}
"""


def test_rep_named_twice_is_sent_once(desk) -> None:
    desk.write("reps.yaml", MAPPING)
    maria, jan = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    rows = [
        ("1", "de la Cruz, Maria; Maria de la Cruz", "rep1@example.com"),
        ("2", "Jan van der Berg; Maria de la Cruz", "jan van der berg"),
        ("3", maria, "Maria de la Cruz;Maria de la Cruz"),
        ("4", "", "van der Berg, Jan"),
        ("5", "", ""),
        ("6", "Nobody;nobody", "Maria de la Cruz"),
    ]
    lines = [",".join(f'"{cell}"' for cell in (row[0], f"Company {row[0]}", *row[1:])) for row in rows]
    desk.write("reps.csv", "\n".join(["Id,Name,Rep,Second", *lines, ""]))
    with strict_api(sales_reps=REPS) as api:
        said = desk.run(api.url, "reps.csv", "-m", "reps.yaml")
        sent = {name: json.loads(body).get("assigned_sales_rep_ids") for name, body in api.bodies.items()}
    assert sent == {"1": [maria], "2": [jan, maria], "3": [maria], "4": [jan], "5": None}
    unresolved = [line["value"] for line in said.table("errors.csv") if line["code"] == "lookup_unresolved"]
    assert unresolved == ["Nobody"]


@pytest.mark.parametrize(
    ("rule", "cell", "expected"),
    [
        ('{from: Rep, split: ";"}', f"{uuid.UUID(int=2)};{uuid.UUID(int=1)}", 2),
        ('{from: Rep, split: ";"}', f"{uuid.UUID(int=171)};{str(uuid.UUID(int=171)).upper()}", 1),
        (f"{{constant: [{uuid.UUID(int=1)}, {uuid.UUID(int=2)}, {uuid.UUID(int=1)}]}}", "", 2),
    ],
)
def test_repeated_ids_in_the_file_or_mapping_are_sent_once(desk, rule: str, cell: str, expected: int) -> None:
    desk.write("reps.yaml", MAPPING.replace('{from: [Rep, Second], split: ";", lookup: sales_rep}', rule))
    desk.write("reps.csv", f"Id,Name,Rep\n1,One,{cell}\n")
    said: Any = desk.do("check", "reps.csv", "-m", "reps.yaml", "--json")
    assert said.code == 0
    (body,) = map(json.loads, (said.folder / "payloads.jsonl").read_text().splitlines())
    assert len(body["assigned_sales_rep_ids"]) == expected


PAIRS = [{"label": "Red", "value": "r"}, {"label": "Blue", "value": "b"}]


@pytest.mark.parametrize(
    ("defined", "options", "labels"),
    [
        ({"options": ["Red", "Blue", 3]}, ("Red", "Blue", "3"), {}),
        ({"options": PAIRS}, ("r", "b"), {"Red": "r", "Blue": "b"}),
        ({"configuration": {"options": PAIRS}}, ("r", "b"), {"Red": "r", "Blue": "b"}),
        ({"configuration": {"options": ["Red", "Blue"]}, "options": []}, ("Red", "Blue"), {}),
        # The list has labels or values as texts, the configuration has both.
        ({"options": ["Red", "Blue"], "configuration": {"options": PAIRS}}, ("r", "b"), {"Red": "r", "Blue": "b"}),
        ({"options": ["r", "b"], "configuration": {"options": PAIRS}}, ("r", "b"), {"Red": "r", "Blue": "b"}),
        ({"options": [{"label": "Red"}, {"value": "b"}, {"label": "x", "value": "x"}, {}]}, ("Red", "b", "x"), {}),
        ({"options": [{"label": "Red", "value": "r1"}, {"label": "Red", "value": "r2"}]}, ("r1", "r2"), {}),
        ({"options": [{"label": "None", "value": None}, {"label": None, "value": 5}, None, ""]}, ("None", "5"), {}),
        ({"options": None, "configuration": None}, (), {}),
        ({"options": "Red", "configuration": ["Red"]}, (), {}),
    ],
)
def test_options_are_texts_or_labels_with_values_in_either_place(defined: Any, options: Any, labels: Any) -> None:
    found = definitions([{"name": "Color", "data_type": "select", **defined}])["Color"]
    assert (found.options, found.labels) == (options, labels)


def test_only_true_makes_an_attribute_mandatory() -> None:
    items = [{"name": str(n), "is_mandatory": said} for n, said in enumerate([True, False, None, "no", 0])]
    assert [one.mandatory for one in definitions([*items, {"name": "5"}]).values()] == [True, *[False] * 5]
