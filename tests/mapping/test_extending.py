"""Mappings that extend others: what is merged, replaced, and removed, and where errors are reported."""

import hashlib
import os
from pathlib import Path

import pytest

from importer.errors import MappingError
from importer.mapping.language.explain import explain
from importer.mapping.language.mapping_files import LoadedMapping, list_mappings, load_mapping
from importer.tables import Sources
from tests.mapping.support import apply_mapping, column, sheet

BASE = """\
title: Base
key: Id
skip:
  - {column: Inactive, flag: yes, reason: inactive}
customer:
  optional: true
  company_name: Name
  email: {from: [Mail, Mail 2], take: first}
  phone: Phone
  payment_term: {from: Terms, values: {A: a, B: b}, otherwise: error}
  attributes:
    Region: Region
    Area: {from: Area, as: {python: "ours.py:shout"}}
addresses:
  - &one
    type: {constant: billing}
    city: Town
    when: {column: Town, blank: no}
  - <<: *one
    type: {constant: shipping}
ignore: [Note]
"""


def extended(own: str, folder: Path, base: str = BASE) -> LoadedMapping:
    (folder / "base.yaml").write_text(base, encoding="utf-8")
    (folder / "own.yaml").write_text(f"extends: base.yaml\n{own}", encoding="utf-8")
    return load_mapping(str(folder / "own.yaml"))


def refused(own: str, folder: Path, base: str = BASE) -> str:
    with pytest.raises(MappingError) as caught:
        extended(own, folder, base)
    return str(caught.value).replace(f"{folder}{os.sep}", "")


def test_missing_entries_come_from_the_base(tmp_path: Path) -> None:
    (tmp_path / "alone.yaml").write_text(BASE, encoding="utf-8")
    alone = load_mapping(str(tmp_path / "alone.yaml")).mapping
    both = extended("", tmp_path).mapping
    assert both == alone.model_copy(update={"extends": "base.yaml"})
    assert extended("title: Own\ncountry: DE\n", tmp_path).mapping.title == "Own"


def test_tables_are_merged_and_fields_with_a_source_are_replaced(tmp_path: Path) -> None:
    own = "customer:\n  email: Other\n  attributes: {Kind: K}\n  phone: {constant: none}\n  display_id: No\n"
    customer = extended(own, tmp_path).mapping.customer
    assert list(customer.fields()) == [
        *("company_name", "display_id", "payment_term", "phone", "email"),
        *("attributes.Region", "attributes.Area", "attributes.Kind"),
    ]
    assert (customer.email.from_, customer.email.take) == (["Other"], None)
    assert (customer.phone.from_, customer.phone.constant) == (None, ["none"])
    assert customer.optional is True


@pytest.mark.parametrize("source", ["{from: Other}", "[Other]", "Other"])
def test_field_with_a_new_source_is_replaced_completely(source: str, tmp_path: Path) -> None:
    customer = extended(f"customer: {{payment_term: {source}}}\n", tmp_path).mapping.customer
    assert (customer.payment_term.from_, customer.payment_term.values) == (["Other"], None)
    (rule,) = extended("skip: {1: {column: Gone, is: x, reason: r}}\n", tmp_path).mapping.tables["customers"].skip
    assert (rule.column, rule.is_, rule.flag) == ("Gone", ["x"], None)


def test_field_without_a_source_changes_the_base_field(tmp_path: Path) -> None:
    own = (
        "customer:\n  phone: {invalid: blank}\n  email: {take: last}\n  payment_term: {values: {b: null, B: c, C: d}}\n"
    )
    with pytest.raises(MappingError, match=r"own\.yaml:5: b: there is nothing to remove"):
        extended(own, tmp_path)
    customer = extended(own.replace("b: null, B: c", "A: null, B: c"), tmp_path).mapping.customer
    assert (customer.phone.from_, customer.phone.invalid) == (["Phone"], "blank")
    assert (customer.email.from_, customer.email.take) == (["Mail", "Mail 2"], "last")
    assert (customer.payment_term.values, customer.payment_term.otherwise) == ({"B": ["c"], "C": ["d"]}, "error")


def test_short_column_list_can_be_extended(tmp_path: Path) -> None:
    base = BASE.replace("{from: [Mail, Mail 2], take: first}", "[Mail, Mail 2]")
    assert extended("customer: {email: {join: '; '}}\n", tmp_path, base).mapping.customer.email.join == "; "


@pytest.mark.parametrize("nothing", ["null", "~", ""])
def test_null_removes_an_entry(nothing: str, tmp_path: Path) -> None:
    own = f"customer:\n  phone: {nothing}\n  attributes:\n    Area: {nothing}\nignore: {nothing}\n"
    mapping = extended(own, tmp_path).mapping
    assert mapping.customer.phone is None
    assert list(mapping.customer.attributes) == ["Region"]
    assert mapping.tables["customers"].ignore == []


def test_quoted_null_is_a_column(tmp_path: Path) -> None:
    assert extended('customer: {phone: "null"}\n', tmp_path).mapping.customer.phone.from_ == ["null"]


def test_list_replaces_the_base_list_and_dots_insert_it(tmp_path: Path) -> None:
    rule = "- {column: B, blank: yes, reason: b}"
    table = extended(f"skip: [{rule[2:]}]\nignore: [More, ...]\n", tmp_path).mapping.tables["customers"]
    assert [skip.reason for skip in table.skip] == ["b"]
    assert table.ignore == ["More", "Note"]
    table = extended(f"skip:\n  {rule}\n  - ...\n", tmp_path).mapping.tables["customers"]
    assert [skip.reason for skip in table.skip] == ["b", "inactive"]


def test_dots_insert_a_single_base_text_too(tmp_path: Path) -> None:
    table = extended("ignore: [..., More]\n", tmp_path, BASE.replace("[Note]", "Note")).mapping.tables["customers"]
    assert table.ignore == ["Note", "More"]


def test_numbered_keys_change_items_of_a_base_list(tmp_path: Path) -> None:
    own = "addresses:\n  1: null\n  2: {city: {default: Here}, zip_code: Zip, when: {column: Zip, is: x}}\n"
    (only,) = extended(own, tmp_path).mapping.addresses
    assert (only.type.constant, only.city.from_, only.city.default) == (["shipping"], ["Town"], "Here")
    assert (only.zip_code.from_, only.when.column, only.when.blank) == (["Zip"], "Zip", None)
    skips = extended("skip: {1: {flag: null, is: gone}}\n", tmp_path).mapping.tables["customers"].skip
    assert [(skip.column, skip.is_, skip.reason) for skip in skips] == [("Inactive", ["gone"], "inactive")]


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ("customer: {phnoe: P}\n", "own.yaml:2: customer: unknown key 'phnoe'; did you mean 'phone'?"),
        ("\ncustomer: {fax: null}\n", "own.yaml:3: fax: there is nothing to remove"),
        ("addresses:\n  3: {city: C}\n", "own.yaml:3: '3' is not a number from 1 to 2"),
        ("addresses:\n  city: C\n", "own.yaml:3: 'city' is not a number from 1 to 2"),
        ("contacts: [...]\n", "own.yaml:2: there is nothing to replace '...' with"),
        ("customer:\n  company_name: null\n", "own.yaml:2: customer: company_name is missing"),
        ("addresses:\n  2: {type: null}\n", "own.yaml:3: the second address: an address needs a type"),
        ("customer:\n  email: {take: null}\n", "own.yaml:3: customer.email: several columns or parts need take"),
        ("title: null\n", "own.yaml:1: title is missing"),
    ],
)
def test_faults_in_the_own_file_name_it(own: str, wanted: str, tmp_path: Path) -> None:
    assert wanted in refused(own, tmp_path)


def test_faults_in_the_base_name_the_base(tmp_path: Path) -> None:
    assert "base.yaml:8: customer: unknown key 'emial'" in refused("", tmp_path, BASE.replace("email:", "emial:"))
    message = refused("addresses: [..., {city: C}]\n", tmp_path, BASE.replace("city:", "citty:"))
    assert "base.yaml:17: the first address: unknown key 'citty'" in message
    assert "own.yaml:2: the third address: an address needs a type" in message
    assert "base.yaml:2: not valid YAML" in refused("", tmp_path, "title: x\n  key: y\n")
    assert "base.yaml:1: a mapping must be a table of keys" in refused("title: x\n", tmp_path, "- a\n")


def test_missing_base_is_reported_with_its_line(tmp_path: Path) -> None:
    def message(text: str) -> str:
        (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(MappingError) as caught:
            load_mapping(str(tmp_path / "own.yaml"))
        return str(caught.value).replace(f"{tmp_path}{os.sep}", "")

    misspelt = message("title: T\nextends: netsuit\n")
    assert misspelt.startswith("own.yaml:2: extends: no mapping is called 'netsuit'\nDid you mean netsuite?")
    assert "own.yaml:1: extends: none.yaml: no such mapping file" in message("extends: none.yaml\n")
    assert "own.yaml:1: extends: write the name or the path of one mapping" in message("extends: [a, b]\n")
    assert "own.yaml:1: extends: write the name or the path of one mapping" in message("extends:\n")


def test_circular_extends_is_reported(tmp_path: Path) -> None:
    for name, base in (("a", "b"), ("b", "c"), ("c", "b")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {base}.yaml\n", encoding="utf-8")
    with pytest.raises(
        MappingError,
        match=r"c\.yaml:1: extends: the mappings extend one another in a circle: a.yaml → b.yaml → c.yaml → b",
    ):
        load_mapping(str(tmp_path / "a.yaml"))
    (tmp_path / "d.yaml").write_text("extends: d.yaml\n", encoding="utf-8")
    with pytest.raises(MappingError, match="circle"):
        load_mapping(str(tmp_path / "d.yaml"))


def test_chain_of_three_ending_in_a_shipped_mapping_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "first.yaml").write_text("extends: ../second.yaml\ntitle: First\n", encoding="utf-8")
    (tmp_path / "second.yaml").write_text("extends: xero\ncustomer: {display_id: null}\n", encoding="utf-8")
    found = load_mapping(str(tmp_path / "deep" / "first.yaml"))
    assert (found.mapping.title, found.mapping.customer.display_id) == ("First", None)
    assert found.mapping.addresses == load_mapping("xero").mapping.addresses
    assert [base.name for base in found.bases] == ["second.yaml", "xero.yaml"]
    assert found.bases[1] == list_mappings()["xero"]


def test_digest_covers_all_files(tmp_path: Path) -> None:
    first = extended("title: T\n", tmp_path).sha256
    assert first == extended("title: T\n", tmp_path).sha256 != extended("title: U\n", tmp_path).sha256
    assert extended("title: T\n", tmp_path, BASE + "# remark\n").sha256 != first
    alone = load_mapping(str(tmp_path / "base.yaml"))
    assert alone.sha256 == hashlib.sha256((tmp_path / "base.yaml").read_bytes()).hexdigest()


def test_functions_of_the_base_are_found_next_to_it(tmp_path: Path) -> None:
    (tmp_path / "firm").mkdir()
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "ours.py").write_text("def shout(text):\n    return text.upper() + '!'\n", encoding="utf-8")
    (tmp_path / "firm" / "ours.py").write_text("def low(text):\n    return text.lower()\n", encoding="utf-8")
    own = "extends: ../base.yaml\ncustomer: {attributes: {Region: {as: {python: 'ours.py:low'}}}}\n"
    (tmp_path / "firm" / "own.yaml").write_text(own, encoding="utf-8")
    source = sheet("Id|Name|Area|Region|Town|Inactive\n1|A|west|NORTH||")
    mapped = apply_mapping(load_mapping(str(tmp_path / "firm" / "own.yaml")), Sources((source,)))
    assert column(mapped, "attributes.Area") == ["WEST!"]
    assert column(mapped, "attributes.Region") == ["north"]


def test_functions_are_found_next_to_the_base_of_a_base(tmp_path: Path) -> None:
    bases = {"first": "extends: ../second/m.yaml\n", "second": "extends: ../third/m.yaml\n", "third": BASE}
    for folder, text in bases.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "third" / "ours.py").write_text("def shout(text):\n    return text.upper() + '!'\n", encoding="utf-8")
    source = sheet("Id|Name|Area|Region|Town|Inactive\n1|A|west|NORTH||")
    mapped = apply_mapping(load_mapping(str(tmp_path / "first" / "m.yaml")), Sources((source,)))
    assert column(mapped, "attributes.Area") == ["WEST!"]


def test_explanation_says_what_is_extended(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("extends: xero\ncountry: NZ\n", encoding="utf-8")
    (tmp_path / "own.yaml").write_text("extends: base.yaml\ntitle: Ours\n", encoding="utf-8")
    told = explain(load_mapping(str(tmp_path / "own.yaml")), width=2000)
    assert f"own.yaml contains only what differs from {tmp_path / 'base.yaml'}, which extends xero." in told
    assert "Ours\n====" in told
    assert '"*ContactName"' in told
    assert "What it extends" not in explain(load_mapping("xero"), width=80)


def test_function_of_the_base_must_be_in_the_folder_of_the_base(tmp_path: Path) -> None:
    """An extending mapping in another folder inherits the function, but must not name its file itself."""
    (tmp_path / "ours.py").write_text("def shout(text):\n    return text.upper()\n", encoding="utf-8")
    firm = tmp_path / "firm"
    firm.mkdir()
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    (firm / "own.yaml").write_text("extends: ../base.yaml\n", encoding="utf-8")
    load_mapping(str(firm / "own.yaml"))
    for own in ("", "extends: ../base.yaml\n"):
        field = "customer: {display_name: {from: N, as: {python: '../ours.py:shout'}}}\n"
        (firm / "own.yaml").write_text(own + field, encoding="utf-8")
        with pytest.raises(MappingError, match=r"own\.yaml:\d: python: '\.\./ours\.py:shout' is not in the mapping's"):
            load_mapping(str(firm / "own.yaml"))
    (tmp_path / "base.yaml").write_text(BASE.replace("ours.py", "../ours.py"), encoding="utf-8")
    (firm / "own.yaml").write_text("extends: ../base.yaml\n", encoding="utf-8")
    with pytest.raises(MappingError, match=r"base\.yaml:\d+: python: "):
        load_mapping(str(firm / "own.yaml"))


def test_inherited_list_may_be_inserted_only_once(tmp_path: Path) -> None:
    message = refused("ignore: ['...', x, '...']\n", tmp_path)
    assert message == "own.yaml:2: '...' is in the same list twice"


def test_chain_of_mappings_is_limited(tmp_path: Path) -> None:
    (tmp_path / "0.yaml").write_text(BASE, encoding="utf-8")
    for number in range(1, 1000):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number - 1}.yaml\n", encoding="utf-8")
    assert load_mapping(str(tmp_path / "19.yaml")).mapping.title == "Base"
    with pytest.raises(MappingError, match=r"\.yaml:1: extends: a mapping can extend at most 19 others in a chain"):
        load_mapping(str(tmp_path / "999.yaml"))
