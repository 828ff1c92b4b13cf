"""The committed samples equal what the generators write, and have exactly the dirt that the generators list."""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import phonenumbers
import pytest
from email_validator import validate_email

from tests.samples import netsuite, sap_business_one, scale, xero
from tests.samples.__main__ import MAKERS as EVERY
from tests.samples.__main__ import SAMPLE_DATA
from tests.samples.dirt import HARMFUL, Planted, Sample
from tests.samples.pools import COUNTRY_FORMS

MAKERS: tuple[Callable[[], Sample], ...] = (xero.make, netsuite.make, sap_business_one.make)
SAMPLES = {sample.system: sample for sample in (make() for make in MAKERS)}
READING = {"xero": ("utf-8", ","), "netsuite": ("cp1252", ","), "sap-business-one": ("utf-8-sig", "\t")}
HEADER_ROW = {"xero": 1, "netsuite": 5, "sap-business-one": 1}
KEYS = {"contacts.csv": "*ContactName", "customers.csv": "Internal ID", "BusinessPartners.csv": "CardCode"}
FICTION = re.compile(r"55501\d\d$|^(44)?0?(207946|161496)0\d{3}$|^(49)?0?(3023125|4066969|8999998)\d{3}$")

Cell = tuple[str, int, str, str]


def rows_of(sample: Sample, file: str) -> list[list[str]]:
    encoding, delimiter = READING[sample.system]
    text = io.StringIO(sample.files[file].decode(encoding), newline="")
    return list(csv.reader(text, delimiter=delimiter, strict=True))


def table_of(sample: Sample, file: str) -> tuple[list[str], dict[int, dict[str, str]]]:
    """The header, and the data rows by their row numbers."""
    rows = rows_of(sample, file)
    at = HEADER_ROW[sample.system]
    first = at + 2 if sample.system == "sap-business-one" else at + 1
    header = rows[at - 1]
    data = {
        number: dict(zip(header, row, strict=True))
        for number, row in enumerate(rows, start=1)
        if number >= first and any(row) and row[0] != "Total"
    }
    return header, data


def cells_of(sample: Sample, wanted: str) -> Iterator[Cell]:
    """(file, row, column, text) of every filled cell in columns that match ``wanted``, without harmful dirt."""
    wrong = {(dirt.file, dirt.row, dirt.column) for dirt in sample.planted if dirt.harmful}
    for file in sample.files:
        header, data = table_of(sample, file)
        for column in header:
            if re.search(wanted, column):
                for number, row in data.items():
                    if row[column].strip() and (file, number, column) not in wrong:
                        yield file, number, column, row[column]


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_committed_files_are_up_to_date(make: Callable[[], Sample]) -> None:
    sample = make()
    folder = SAMPLE_DATA / sample.system
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict(sample.files), (
        "run python -m tests.samples"
    )


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_another_seed_gives_other_files_with_the_same_faults(make: Callable[..., Sample]) -> None:
    one, other = make(), make(seed=7)
    assert one.files != other.files
    assert _harm(one) == _harm(other)


def _harm(sample: Sample) -> Counter[str]:
    return Counter(dirt.code for dirt in sample.planted if dirt.harmful)


def test_samples_have_the_expected_rows_and_customers() -> None:
    assert dict(SAMPLES["xero"].rows) == {"contacts.csv": 247}
    assert 400 <= SAMPLES["netsuite"].rows["customers.csv"] <= 440
    sap = SAMPLES["sap-business-one"].rows
    assert sap["BusinessPartners.csv"] == 155
    assert 280 <= sap["BPAddresses.csv"] <= 330
    assert 190 <= sap["ContactEmployees.csv"] <= 230
    assert {name: len(rows_of(sample, name)) for sample in SAMPLES.values() for name in sample.files} == {
        name: count for sample in SAMPLES.values() for name, count in sample.rows.items()
    }


def test_samples_have_the_expected_faults() -> None:
    assert _harm(SAMPLES["xero"]) == {
        "phone": 2,
        "email": 3,
        "company_name_missing": 2,
        "city_too_long": 1,
        "city_missing": 2,
        "country_unknown": 2,
        "conflict": 1,
    }
    assert _harm(SAMPLES["netsuite"]) == {
        "phone": 2,
        "email": 2,
        "company_name_missing": 2,
        "city_too_long": 1,
        "city_missing": 2,
        "country_unknown": 2,
        "conflict": 2,
    }
    assert _harm(SAMPLES["sap-business-one"]) == {
        "phone": 2,
        "email": 2,
        "company_name_missing": 1,
        "city_too_long": 1,
        "city_missing": 1,
        "country_unknown": 1,
        "conflict": 1,
        "orphan": 2,
    }


def test_planted_faults_are_where_the_list_says(sample: Sample) -> None:
    tables = {file: table_of(sample, file)[1] for file in sample.files}
    for dirt in sample.planted:
        if dirt.code == "blank_row":
            assert not any(rows_of(sample, dirt.file)[dirt.row - 1]), dirt
            continue
        row = tables[dirt.file][dirt.row]
        assert row.get(dirt.column, "") == dirt.value, dirt
        assert dirt.customer == row[KEYS.get(dirt.file, "ParentKey")].strip(), dirt
        if dirt.code in HARMFUL:
            assert dirt.value in HARMFUL[dirt.code], dirt
        if dirt.harmful and dirt.customer:
            assert dirt.customer in sample.customers, dirt


def test_customer_has_at_most_one_fault(sample: Sample) -> None:
    wrong = [dirt.customer for dirt in sample.planted if dirt.harmful and dirt.customer]
    assert len(wrong) == len(set(wrong))
    assert 0.04 <= len(wrong) / len(sample.customers) <= 0.11


def test_all_other_phones_are_valid_and_fictional(sample: Sample) -> None:
    country = {"GB": "GB", "DE": "DE"}
    forms = {form: country.get(code, "US") for code, names in COUNTRY_FORMS.items() for form in names}
    tables = {file: table_of(sample, file)[1] for file in sample.files}
    seen = 0
    for file, number, column, text in cells_of(sample, r"Phone|DDINumber|MobileNumber"):
        region = forms[tables[file][number]["Country"].strip()] if column == "Address Phone" else "US"
        parsed = phonenumbers.parse(text, region)
        assert phonenumbers.is_valid_number(parsed), (file, number, column, text)
        assert FICTION.search(f"{parsed.country_code}{parsed.national_number}"), (file, number, column, text)
        seen += 1
    assert seen > 100


def test_all_other_emails_are_valid_and_at_example_domains(sample: Sample) -> None:
    for file, number, column, text in cells_of(sample, r"(^|[^n])E_?[Mm]ail(Address)?$"):
        checked = validate_email(text.strip(), check_deliverability=False)
        assert checked.domain in {"example.com", "example.org"}, (file, number, column, text)


def test_all_other_cities_and_countries_are_valid(sample: Sample) -> None:
    forms = {form for names in COUNTRY_FORMS.values() for form in names}
    for file, number, column, text in cells_of(sample, r"Country$"):
        assert text.strip() in forms, (file, number, column, text)
    for file, number, column, text in cells_of(sample, r"City$"):
        assert len(text.strip()) <= 50, (file, number, column, text)


def test_every_other_address_has_a_street_and_a_city(sample: Sample) -> None:
    missing = {(dirt.file, dirt.row) for dirt in sample.of("city_missing")}
    for street, city in (("POAddressLine1", "POCity"), ("SAAddressLine1", "SACity"), ("Address 1", "City")):
        for file in sample.files:
            header, data = table_of(sample, file)
            if street in header:
                uneven = {number for number, row in data.items() if bool(row[street]) != bool(row[city])}
                assert uneven <= {number for name, number in missing if name == file}


def test_rows_of_a_customer_agree_except_for_planted_contradictions() -> None:
    _, data = table_of(SAMPLES["netsuite"], "customers.csv")
    alone = "Company Name", "Name", "Inactive", "ID", "Phone", "Office Phone", "Email", "Terms", "Sales Rep"
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in data.values():
        for column in alone:
            values[row["Internal ID"].strip(), column].add(row[column].strip())
    found = {key for key, texts in values.items() if len(texts - {""}) > 1}
    assert found == {(dirt.customer, dirt.column) for dirt in SAMPLES["netsuite"].of("conflict")}


def test_contradictions_name_both_rows(sample: Sample) -> None:
    assert sample.of("conflict")
    for dirt in sample.of("conflict"):
        _, data = table_of(sample, dirt.file)
        assert dirt.other_row is not None
        assert dirt.other_row < dirt.row
        key = KEYS[dirt.file]
        assert data[dirt.other_row][key].strip() == data[dirt.row][key].strip() == dirt.customer
        assert data[dirt.other_row][dirt.column].strip() != dirt.value.strip()


def test_candidates_are_the_active_customers() -> None:
    def rows(system: str, file: str) -> list[dict[str, str]]:
        return list(table_of(SAMPLES[system], file)[1].values())

    names = [row["*ContactName"].strip() for row in rows("xero", "contacts.csv")]
    only_ids = {dirt.customer for dirt in SAMPLES["netsuite"].of("id_only_customer")}
    active = [row["Internal ID"].strip() for row in rows("netsuite", "customers.csv") if row["Inactive"] != "Yes"]
    active = [key for key in active if key not in only_ids]
    partners = rows("sap-business-one", "BusinessPartners.csv")
    wanted = [row["CardCode"] for row in partners if (row["CardType"], row["Frozen"]) == ("cCustomer", "tNO")]
    assert SAMPLES["xero"].customers == tuple(dict.fromkeys(filter(None, names)))
    assert SAMPLES["netsuite"].customers == tuple(dict.fromkeys(active))
    assert SAMPLES["sap-business-one"].customers == tuple(dict.fromkeys((*wanted, *sap_business_one.ORPHANS)))


def test_inactive_rows_and_distant_rows_are_all_listed() -> None:
    sample = SAMPLES["netsuite"]
    _, data = table_of(sample, "customers.csv")
    assert {number for number, row in data.items() if row["Inactive"] == "Yes"} == _rows(sample.of("inactive"))
    for number in _rows(sample.of("row_away")):
        places = [
            other for other, row in data.items() if row["Internal ID"].strip() == data[number]["Internal ID"].strip()
        ]
        assert min(abs(number - other) for other in places if other != number) > 1


def _rows(found: tuple[Planted, ...]) -> set[int]:
    return {dirt.row for dirt in found}


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> tuple[scale.Scaled, list[dict[str, str]]]:
    path = tmp_path_factory.mktemp("scale") / "customers.csv"
    made = scale.write_netsuite(path, 50_000, seed=3, bad=0.01)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        assert reader.fieldnames == list(scale.COLUMNS)
        return made, list(reader)


def test_scale_has_the_rows_and_customers_it_reports(scaled: tuple[scale.Scaled, list[dict[str, str]]]) -> None:
    made, rows = scaled
    assert len(scale.COLUMNS) == 40
    assert set(netsuite.COLUMNS) <= set(scale.COLUMNS)
    assert made.rows == len(rows) == 50_000
    assert all(None not in row and None not in row.values() for row in rows)
    flags = {row["Internal ID"]: row["Inactive"] for row in rows}
    assert Counter(flags.values()) == {"No": made.customers, "Yes": made.inactive}
    assert 3.2 <= made.rows / len(flags) <= 3.4
    breaks = sum(before["Internal ID"] != row["Internal ID"] for before, row in pairwise(rows))
    assert 0.06 <= (breaks - len(flags)) / made.rows <= 0.11  # a row away breaks two blocks: its own and another's


def test_scale_has_the_bad_customers_it_reports(scaled: tuple[scale.Scaled, list[dict[str, str]]]) -> None:
    made, rows = scaled
    columns = {
        "Phone": "phone",
        "Contact Phone": "phone",
        "Address Phone": "phone",
        "Email": "email",
        "Contact Email": "email",
        "City": "city_too_long",
        "Country": "country_unknown",
        "Company Name": "company_name_missing",
    }
    bad = {
        row["Internal ID"]
        for row in rows
        if row["Inactive"] == "No" and any(row[column] in HARMFUL[code] for column, code in columns.items())
    }
    assert len(bad) == made.bad_customers
    assert 0.05 < made.bad_customers / made.customers < 0.15


def test_scale_phones_are_valid_and_fictional(scaled: tuple[scale.Scaled, list[dict[str, str]]]) -> None:
    texts = {row["Phone"] for row in scaled[1][:4000]} - set(HARMFUL["phone"])
    for text in texts:
        parsed = phonenumbers.parse(text, "US")
        assert phonenumbers.is_valid_number(parsed), text
        assert FICTION.search(str(parsed.national_number)), text


def test_scale_is_deterministic_and_clean_on_request(tmp_path: Path) -> None:
    made = [scale.write_netsuite(tmp_path / f"{n}.csv", 1000, seed=seed, bad=0.0) for n, seed in enumerate((1, 1, 2))]
    files = [(tmp_path / f"{n}.csv").read_bytes() for n in range(3)]
    assert files[0] == files[1] != files[2]
    assert made[0].bad_customers == 0
