"""``importer preview`` from the command line."""

import json

from tests.workflow.desk import MAPPING, ROOT

ROWS = "Id,Name,Phone,Mail,Street,Town,Fax\n1,A\x1b[31mcme,+14155550101,,1 Main,Anytown,12\n2,Best,,,,,\n"


def write(desk) -> tuple[str, ...]:
    desk.write("rows.csv", ROWS)
    desk.write("small.yaml", MAPPING)
    return ("preview", "rows.csv", "-m", "small.yaml")


def test_preview_shows_text_and_writes_nothing(desk) -> None:
    words = write(desk)
    before = sorted(desk.files())
    said = desk.do(*words)
    assert (said.code, said.err) == (0, "")
    assert "rows.csv: Fax (1 filled)" in said.out
    assert "\x1b" not in said.out
    assert '"1 Main"' in said.out
    assert sorted(desk.files()) == before
    assert not (desk.path / "results").exists()


def test_json_is_one_object(desk) -> None:
    said = desk.do(*write(desk), "--customer", "1", "--json")
    found = json.loads(said.out)
    assert said.out.count("\n") == 1
    assert found["customers"][0]["reference_id"] == "1"
    assert {"command", "mapping", "sources", "fields", "unused", "row", "customers", "exit_code"} == found.keys()


def test_unknown_ids_and_rows_exit_with_2(desk) -> None:
    words = write(desk)
    said = desk.do(*words, "--customer", "11")
    assert (said.code, said.out) == (2, "")
    assert "Did you mean '1'?" in said.err
    assert desk.do(*words, "--row", "rows.csv:9").code == 2
    assert desk.do(*words, "--row", "rows.csv:2", "--customer", "1").code == 2
    assert desk.do("preview", "rows.csv").code == 2
    assert desk.do(*words, "--row", "rows.csv:1").out.startswith("rows.csv:1 is not a data row: header")


def test_preview_options_may_come_from_a_config_file(desk) -> None:
    write(desk)
    desk.write("job.toml", 'sources = "rows.csv"\nmapping = "small.yaml"\ncustomer = 2\n')
    said = desk.do("preview", "--config", "job.toml")
    assert said.out.startswith("Customer 2: Best (valid)")


def test_preview_uses_value_tables_as_check_does(desk) -> None:
    desk.write("rows.csv", "Id,Name,Terms\n1,Acme,N30\n")
    desk.write("small.yaml", "title: Small\nkey: Id\ncustomer: {company_name: Name, payment_term: Terms}\n")
    desk.write("words.csv", "kind,word,value\npayment_term,n30,Net 30\n")
    words = ("preview", "rows.csv", "-m", "small.yaml", "--customer", "1", "--values")
    said = desk.do(*words, "words.csv")
    assert (said.code, said.err) == (0, "")
    assert '"N30"' in said.out
    assert "values table" in said.out
    assert '"Net 30"' in said.out
    said = desk.do(*words, "none.csv")
    assert (said.code, said.out) == (2, "")
    assert "there is no such value table" in said.err


def test_preview_help_has_examples(desk) -> None:
    said = desk.do("preview", "--help")
    assert "--row FILE:N" in said.out
    assert "importer preview customers.csv -m my-mapping.yaml --customer CUS-1001" in said.out


def test_preview_json_keys_are_documented(desk) -> None:
    found = json.loads(desk.do(*write(desk), "--customer", "1", "--json").out)
    text = (ROOT / "importer" / "report" / "README.md").read_text(encoding="utf-8")
    record = found["customers"][0]["records"][0]
    for part in (found, found["customers"][0], record, record["fields"][0]):
        assert [name for name in part if f"`{name}`" not in text] == []
