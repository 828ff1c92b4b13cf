"""Every included mapping with its sample data: the golden results, and every planted error at its cell."""

from pathlib import Path

import pytest

from importer.mapping.language.mapping_files import list_mappings
from tests.mapping.golden import GOLDENS, bodies, checked, said
from tests.samples.__main__ import MAKERS, SAMPLE_DATA

SYSTEMS = pytest.mark.parametrize("system", list_mappings())
ALONE = {"orphan", "company_name_missing"}  # the row is rejected without a customer if its key is wrong
PASSED_OVER = {"netsuite", "sap-business-one"}  # a wrong phone is left out, or another one is used instead


def test_every_mapping_has_sample_data_and_golden_results() -> None:
    shipped = set(list_mappings())
    assert shipped == set(MAKERS) == {path.name for path in SAMPLE_DATA.iterdir() if path.is_dir()}
    assert {path.stem for path in GOLDENS.iterdir()} == shipped


@SYSTEMS
@pytest.mark.parametrize(("suffix", "made"), [("jsonl", bodies), ("txt", said)])
def test_results_match_the_approved_ones(system: str, suffix: str, made: object) -> None:
    assert callable(made)
    wanted = (GOLDENS / f"{system}.{suffix}").read_text(encoding="utf-8").splitlines()
    assert made(checked(system)).splitlines() == wanted, "look at it, then run python -m tests.mapping.golden"


@SYSTEMS
def test_planted_faults_are_found_at_their_cells_and_no_other_customer_is_rejected(system: str) -> None:
    one, sample = checked(system), MAKERS[system]()
    found = one.found()
    harmful = [dirt for dirt in sample.planted if dirt.harmful]
    assert harmful
    mended = set()
    for dirt in harmful:
        at = found.get((Path(dirt.file).stem, dirt.row), set())
        severities = {severity for severity, _, column in at if dirt.column in ("", column)}
        if dirt.code == "phone" and "error" not in severities and system in PASSED_OVER:
            assert "warning" in severities, dirt
            mended.add(dirt.customer)
        else:
            assert "error" in severities, dirt
    alone = {dirt.customer for dirt in harmful if dirt.code in ALONE} - set(one.ids)
    assert one.rejected == sample.rejected - mended - alone
    assert set(one.ids) == set(sample.customers) - alone
    places = {(Path(dirt.file).stem, dirt.row) for dirt in harmful}
    places |= {(Path(dirt.file).stem, dirt.other_row) for dirt in harmful if dirt.other_row is not None}
    errors = {place for place, at in found.items() if any(severity == "error" for severity, *_ in at)}
    assert errors <= places


@SYSTEMS
def test_no_secret_from_the_sample_data_is_sent(system: str) -> None:
    sent = bodies(checked(system))
    for dirt in MAKERS[system]().of("card_number") + MAKERS[system]().of("secret"):
        assert dirt.value
        assert dirt.value not in sent
