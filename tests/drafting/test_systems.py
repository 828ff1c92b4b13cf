"""Drafts for 165 exports without an included mapping, compared with an expert's. The floors are today's scores."""

from dataclasses import dataclass

import pytest

from importer.cell_text import header_key
from importer.drafting.draft import Draft
from importer.errors import ImporterError
from importer.loader import LoadOptions, load
from importer.mapping.language.mapping_files import load_mapping
from tests.drafting.score import SYSTEMS, Score, details, export_of, read_truth, score_all, table, table_of, total
from tests.mapping.support import apply_mapping

NAMES = sorted(path.parent.name for path in SYSTEMS.glob("*/truth.yaml"))
MOST_WRONG = 3  # wrong columns in one file


@dataclass(frozen=True)
class Floor:
    """``right``: at least this share of the mappable columns; ``wrong``: at most this share of the proposals."""

    right: float
    wrong: float
    key: int
    layout: int


FLOORS = {
    "labels": Floor(right=0.98, wrong=0.012, key=130, layout=128),
    "codes": Floor(right=0.975, wrong=0.02, key=33, layout=32),
}
SENSITIVE = {"dataweb-clientes": {"[clave]"}}
AS_EXPECTED = 158  # of 165 drafts, those that find as many customers as an expert


@pytest.fixture(scope="module")
def scored() -> tuple[list[Score], dict[str, Draft]]:
    return score_all()


@pytest.mark.parametrize("level", FLOORS)
def test_draft_scores_do_not_get_worse(scored, level) -> None:
    scores = [one for one in scored[0] if one.level == level]
    got, floor = total(scores), FLOORS[level]
    said = f"{table(scored[0])}\n{details(scores)}"
    assert got.right >= floor.right, said
    assert got.wrong <= floor.wrong, said
    assert got.key >= floor.key, said
    assert got.layout >= floor.layout, said


def test_no_export_is_mapped_badly(scored) -> None:
    scores = scored[0]
    assert [one.name for one in scores if one.refused] == []
    assert [one.name for one in scores if len(one.wrong) > MOST_WRONG] == []
    assert [one.name for one in scores if one.right < 0.6 * one.mappable] == []


def test_sensitive_columns_are_never_proposed(scored) -> None:
    for name, draft in scored[1].items():
        truth = read_truth(SYSTEMS / name)
        allowed = {
            (one.get("table", "file.csv"), one["n"]): {"ignore", *one.get("also_ok", ())}
            for one in truth["columns"]
            if one["target"] == "sensitive"
        }
        given = {
            one.header
            for one in draft.columns
            if (place := (table_of(one), one.n)) in allowed and set(one.targets) - allowed[place]
        }
        assert given <= SENSITIVE.get(name, set()), name


def test_drafts_find_the_expected_number_of_customers(scored, tmp_path) -> None:
    """Loaded and applied as ``check`` does, with every question answered as proposed."""
    others = {}
    for name, draft in scored[1].items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(draft.mapping, encoding="utf-8")
        try:
            got: object = customers_of(name, path)
        except ImporterError as error:
            got = str(error)
        if got != read_truth(SYSTEMS / name)["expect"]["customers"]:
            others[name] = got
    assert len(NAMES) - len(others) >= AS_EXPECTED, others


def customers_of(name, path) -> int:
    loaded = load_mapping(str(path))
    hints = loaded.mapping.header_hints()
    allowed = frozenset(header_key(name) for names in hints for name in names)
    country = read_truth(SYSTEMS / name)["default_country"]
    how = LoadOptions(columns=hints, allowed=allowed, country=country)
    return len(apply_mapping(loaded, load(export_of(SYSTEMS / name), how)).tables.customers)


def test_set_of_exports_is_complete() -> None:
    assert len(NAMES) == 165
    for name in NAMES:
        numbers: dict[str, list[int]] = {}
        for one in read_truth(SYSTEMS / name)["columns"]:
            numbers.setdefault(one.get("table", "file.csv"), []).append(one["n"])
        assert all(own == list(range(1, len(own) + 1)) for own in numbers.values()), name
