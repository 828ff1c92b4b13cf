"""Finding and reading mapping files: YAML as plain text, and every error in the file with its line."""

import os
import re
from pathlib import Path

import pytest

from importer.errors import MappingError
from importer.mapping.language import mapping_files
from importer.mapping.language.mapping_files import LoadedMapping, list_mappings, load_mapping, shipped_folder
from importer.tables import Sources
from tests.mapping.support import BASE, apply_mapping, column, loaded, sheet


def refused(text: str | bytes, folder: Path) -> str:
    path = folder / "m.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(MappingError) as caught:
        load_mapping(str(path))
    return str(caught.value).replace(f"{folder}{os.sep}", "")


def test_every_shipped_mapping_loads_by_name() -> None:
    assert set(list_mappings()) >= {"netsuite", "sap-business-one", "xero"}
    for name, path in list_mappings().items():
        found = load_mapping(name)
        assert (found.name, found.path, found.folder) == (name, path, shipped_folder())
        assert len(found.sha256) == 64


def test_misspelled_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(MappingError, match="no mapping is called 'netsuit'") as caught:
        load_mapping("netsuit")
    assert "Did you mean netsuite?" in caught.value.hint


def test_missing_path_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no such mapping file"):
        load_mapping(str(tmp_path / "none.yaml"))
    with pytest.raises(MappingError, match="is a folder"):
        load_mapping(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "m.yaml: the file is empty"),
        ("# nothing\n", "m.yaml: the file is empty"),
        ("- a\n- b\n", "m.yaml:1: a mapping must be a table of keys"),
        ("just a text", "m.yaml:1: a mapping must be a table of keys"),
        ("title: x\nkey: *ContactName\n", "m.yaml:2: *ContactName repeats a part that is called"),
        ("title: x\n  key: y\n", "m.yaml:2: not valid YAML"),
        ("title: [x\n", "not valid YAML"),
        ("title: x\n---\ntitle: y\n", "m.yaml:2: not valid YAML: but found another document"),
        ("title: x\ntitle: y\n", "m.yaml:2: 'title' is in the same table twice"),
        ("a: {b: 1,\n  b: 2}\n", "m.yaml:2: 'b' is in the same table twice"),
        ("? [a, b]\n: c\n", "m.yaml:1: a key must be plain text"),
        ("a: &a\n  - *a\n", "m.yaml:1: tables are nested more than 50 deep (is an alias '*' inside its own"),
        ("a: &a {b: *a}\n", "m.yaml:1: tables are nested more than 50 deep"),
        ("a: &a {b: 1, <<: *a}\n", "m.yaml:1: tables are nested more than 50 deep"),
        ("a: " + "[" * 60 + "]" * 60, "m.yaml:1: tables are nested more than 50 deep"),
        ("a: " + "[" * 1000 + "]" * 1000, "m.yaml: tables are nested more than 50 deep"),
        ("a: text\nb:\n  <<: text\n", "m.yaml:3: '<<' takes a table"),
        ("title: \x07\n", "m.yaml: not valid YAML"),
        (b"title: caf\xe9\n", "m.yaml: is not UTF-8 text (byte 11)\nSave the file as UTF-8."),
    ],
)
def test_faults_are_reported_with_their_line(text: str | bytes, wanted: str, tmp_path: Path) -> None:
    assert wanted in refused(text, tmp_path)


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load_mapping(str(tmp_path / "m.yaml")).mapping.title == "Test"


@pytest.mark.parametrize("text", ["Yes", "No", "on", "01", "1e3", "2024-01-01", "null", "~", "0x1F", "1_000", ".5"])
def test_scalars_stay_text(text: str) -> None:
    mapping = loaded(f"{BASE}  display_name: {text}\n  display_id: {{constant: {text}}}\n").mapping
    assert mapping.customer.display_name.from_ == [text]
    assert mapping.customer.display_id.constant == [text]


@pytest.mark.parametrize(("text", "wanted"), [("yes", True), ("No", False), ("TRUE", True), ("false", False)])
def test_booleans_are_read_in_any_spelling(text: str, wanted: bool) -> None:
    assert loaded(f"{BASE}  email: {{from: E, optional: {text}}}\n").mapping.customer.email.optional is wanted


MERGED = """
title: Test
key: Id
customer: {company_name: Name}
addresses:
  - &both
    type: {constant: billing}
    city: Town
    zip_code: Zip
  - <<: *both
    type: {constant: shipping}
  - <<: [*both, {country: Land, city: not this one}]
"""


def test_merge_key_inherits_missing_entries() -> None:
    first, second, third = loaded(MERGED).mapping.addresses
    assert (second.type.constant, second.city.from_, second.zip_code.from_) == (["shipping"], ["Town"], ["Zip"])
    assert first.type.constant == third.type.constant == ["billing"]
    assert (third.city.from_, third.country.from_) == (["Town"], ["Land"])  # the first entry overrides the second


def test_fault_in_an_inherited_entry_is_reported_at_its_own_line(tmp_path: Path) -> None:
    assert "m.yaml:8: the first address: unknown key 'citty'; did you mean 'city'?" in refused(
        MERGED.replace("city: Town", "citty: Town"), tmp_path
    )
    message = refused(MERGED.replace("- <<: *both", "- <<: {citty: Town}"), tmp_path)
    assert "m.yaml:10: the second address: unknown key 'citty'; did you mean 'city'?" in message


def test_several_faults_are_reported_at_once(tmp_path: Path) -> None:
    text = BASE.replace("company_name", "companyname") + "  emial: E\nadresses: []\n"
    message = refused(text, tmp_path)
    assert "m.yaml:5: customer: unknown key 'companyname'; did you mean 'company_name'?" in message
    assert "m.yaml:6: customer: unknown key 'emial'; did you mean 'email'?" in message
    assert "m.yaml:7: unknown key 'adresses'; did you mean 'addresses'?" in message
    assert "mappings/README.md" in message


def bomb(kind: str, levels: int) -> str:
    """A few lines of YAML; each of them multiplies the content by ten."""
    item = {"lists": "[{0}]", "tables": "{{{0}}}", "merges": "{{{0}}}"}[kind]
    lines = [f"a0: &a0 {{{', '.join(f'k{n}: x' for n in range(10))}}}"]
    for level in range(levels):
        alias = f"*a{level}"
        inner = {
            "lists": ", ".join([alias] * 10),
            "tables": ", ".join(f"k{n}: {alias}" for n in range(10)),
            "merges": f"k: {alias}, <<: [{', '.join([alias] * 10)}]",
        }[kind]
        lines.append(f"a{level + 1}: &a{level + 1} {item.format(inner)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["lists", "tables", "merges"])
def test_multiplying_aliases_are_limited(kind: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(mapping_files, "MOST_PARTS", 5_000)  # so that it is reached sooner
    message = refused(bomb(kind, 30), tmp_path)
    assert re.search(r"m\.yaml:\d+: the mapping has more than 5,000 parts, counting what aliases", message)
    assert "unknown key 'a0'" in refused(BASE + bomb(kind, 1), tmp_path)  # a few aliases are allowed


def test_merges_count_even_if_they_add_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(mapping_files, "MOST_PARTS", 5_000)
    table = ", ".join(f"k{n}: x" for n in range(100))
    merges = ", ".join(["*t"] * 60)
    assert "more than 5,000 parts" in refused(f"a: &t {{{table}}}\nb: {{{table}, <<: [{merges}]}}\n", tmp_path)


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file takes no disk space
    with pytest.raises(MappingError, match="has more than 1,048,576 bytes"):
        load_mapping(str(path))
    path.write_text(BASE + "# " + "ä" * 200_000 + "\n", encoding="utf-8")
    assert load_mapping(str(path)).mapping.title == "Test"


def with_function(path: str, folder: Path) -> LoadedMapping:
    text = f'{BASE}  display_name: {{from: N, as: [{{python: "{path}:f"}}]}}\n'
    (folder / "m.yaml").write_text(text, encoding="utf-8")
    return load_mapping(str(folder / "m.yaml"))


@pytest.mark.parametrize(
    "path",
    [
        "../outside.py",
        "below/../../outside.py",
        "{outside}/outside.py",
        "{folder}/mine.py",
        "link.py",
        "away/outside.py",
        "loop.py",
        "nul\\0.py",
    ],
)
def test_function_outside_the_mapping_folder_is_refused(path: str, tmp_path: Path) -> None:
    folder, outside = tmp_path / "mappings", tmp_path / "elsewhere"
    (folder / "below").mkdir(parents=True)
    outside.mkdir()
    for place in (tmp_path, outside):
        (place / "outside.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef f(text): return text\n")
    (folder / "mine.py").write_text("def f(text): return text\n")
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    (folder / "away").symlink_to(outside)
    (folder / "loop.py").symlink_to(folder / "loop.py")
    with pytest.raises(MappingError, match=r"m\.yaml:\d+: python: '.*:f' is not in the mapping's folder") as caught:
        with_function(path.format(outside=outside, folder=folder), folder)
    assert "beside the mapping" in caught.value.hint
    assert not (tmp_path / "ran").exists()


def test_functions_next_to_or_below_the_mapping_or_linked_there_are_called(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "mine.py").write_text("def f(text): return text.upper()\n")
    (tmp_path / "link.py").symlink_to(tmp_path / "below" / "mine.py")
    monkeypatch.chdir(tmp_path)
    for path in ("below/mine.py", "./below/../link.py", "link.py"):
        made = apply_mapping(with_function(path, Path()), Sources((sheet("Id|Name|N\n1|A|b"),)))
        assert column(made, "display_name") == ["B"]
