"""Which shipped mapping fits a file."""

from pathlib import Path

import pytest

import importer
from importer.errors import InputError, MappingError
from importer.loader import LoadOptions, load
from importer.mapping.fitting import best_fit

SAMPLES = Path(__file__).parents[2] / "sample_data"
SYSTEMS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_sample_is_fit_best_by_its_own_mapping(system: str) -> None:
    fit = best_fit(load([str(SAMPLES / system)], LoadOptions()))
    assert fit is not None
    assert fit.name == system


def test_columns_that_no_mapping_knows(tmp_path: Path) -> None:
    source = tmp_path / "odd.csv"
    source.write_text("Frob,Blarg\n1,2\n")
    with pytest.raises(MappingError, match="column") as raised:
        importer.check(str(source), mapping="shopify", out=tmp_path / "out")
    assert "No shipped mapping fits these columns" in raised.value.hint


def test_a_mapping_without_one_column_of_the_file_names_the_one_that_fits(tmp_path: Path) -> None:
    source = tmp_path / "clients.csv"
    source.write_text("Client,Tel\nHarbor Goods,415-362-1000\n")
    with pytest.raises(MappingError, match="the sources have none of its columns") as raised:
        importer.check(str(source), mapping="shopify", out=tmp_path / "out")
    assert "'generic-wide' fits best: it knows 2 of 2 columns" in raised.value.hint


@pytest.mark.parametrize("partial", [False, True])
def test_no_customer_at_all_is_an_error_but_for_a_part_of_the_export(tmp_path: Path, partial: bool) -> None:
    source = tmp_path / "list.csv"
    source.write_text("Internal ID,Company Name\n,Acme\n,Bolt\n")
    if partial:
        assert importer.check(str(source), mapping="netsuite", out=tmp_path / "out", partial=True).exit_code == 1
        return
    with pytest.raises(InputError, match=r"no customer was found in 2 rows: 2 errors \(key_blank\)") as raised:
        importer.check(str(source), mapping="netsuite", out=tmp_path / "out")
    assert "list.csv:2" in raised.value.hint


def test_check_without_a_mapping_says_which_one_fits_and_how_to_use_it(tmp_path: Path) -> None:
    source = tmp_path / "clients.csv"
    source.write_text("Client,Tel,Frob\nHarbor Goods,415-362-1000,x\n")
    with pytest.raises(InputError, match="--mapping is missing") as raised:
        importer.check(str(source), mapping="", out=tmp_path / "out")
    assert "'generic-wide' fits best: it knows 2 of 3 columns, not Frob." in raised.value.hint
    assert f"importer check {source} -m generic-wide" in raised.value.hint


def test_a_header_without_rows_is_fine_for_a_part_of_the_export(tmp_path: Path) -> None:
    source = tmp_path / "delta.csv"
    source.write_text("Customer ID,Company\n")
    result = importer.check(str(source), mapping="generic-wide", out=tmp_path / "out", partial=True)
    assert (result.exit_code, len(result.customers)) == (0, 0)
    with pytest.raises(InputError, match="no data row below it"):
        importer.check(str(source), mapping="generic-wide", out=tmp_path / "out")
