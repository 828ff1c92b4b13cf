"""The page about mappings, the schema for editors, and the explanations match what the program does."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from importer.errors import MappingError
from importer.mapping.language.explain import _STEPS, explain, overview
from importer.mapping.language.mapping_files import list_mappings, load_mapping, read_parts, to_plain
from importer.mapping.language.mapping_rules import alternatives
from importer.mapping.transforms.registry import TRANSFORMS
from tests.docs.json_schema import descriptions, mapping_schema, schema_text
from tests.docs.page import PAGE, Example, examples, run

TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = list(examples(TEXT))
HERE = Path(__file__).parent
SHIPPED = list_mappings()
SCHEMA = mapping_schema()
KEYS = {name: list(part["properties"]) for name, part in SCHEMA["$defs"].items() if "properties" in part}
MINIMAL = "title: T\nkey: No\ncustomer: {company_name: Name}\n"


def mapping_at(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def refused(text: str) -> bool:
    """Whether the schema refuses a mapping, read as the program reads it (all text) or as an editor does."""
    validator = jsonschema.Draft7Validator(SCHEMA)
    parts, faults = read_parts(text, Path("mapping.yaml"))
    assert not faults
    as_text, _ = to_plain(parts)
    as_json = json.loads(json.dumps(yaml.safe_load(text), default=str))  # keys are texts in editors
    verdicts = {validator.is_valid(data) for data in (as_text, as_json)}
    assert len(verdicts) == 1, "the two readings are judged differently"
    return verdicts == {False}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line {example.line}")
def test_example_output_matches_the_page(example: Example, tmp_path: Path) -> None:
    assert run(example, tmp_path) == example.expected


def test_every_yaml_block_is_an_example() -> None:
    assert len(EXAMPLES) == len(re.findall(r"^\s*```yaml", TEXT, re.MULTILINE)) > 20


@pytest.mark.parametrize(
    "key",
    [
        *KEYS["FieldRule"],
        "blank_key",
        "parent",
        "packed",
        "lines",
        "repeat",
        "when",
        "on_error",
        "tables",
        "only",
        "all",
    ],
)
def test_every_mapping_key_has_an_example(key: str) -> None:
    assert any(re.search(rf"[\s{{]{key}:", example.mapping) for example in EXAMPLES)


def test_reference_lists_every_transform() -> None:
    section = TEXT.split("\n### Transforms\n")[1].split("\n### ")[0].split("\n\nUnder")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", section, re.MULTILINE)
    assert rows == [(name, spec.about.replace("|", "\\|")) for name, spec in TRANSFORMS.items()]


def test_reference_lists_only_existing_keys() -> None:
    keys = {**KEYS, "Mapping": [*SCHEMA["else"]["properties"]], "Condition": KEYS["SkipRule"]}
    for name, described in descriptions().items():
        assert set(described) <= set(keys[name])


def test_committed_schema_is_up_to_date() -> None:
    committed = (PAGE.parent / "mapping.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), "run: python -m tests.docs.json_schema > mappings/mapping.schema.json"
    jsonschema.Draft7Validator.check_schema(json.loads(committed))


@pytest.mark.parametrize("path", [*SHIPPED.values(), HERE / "every_key.yaml"], ids=lambda path: path.stem)
def test_schema_accepts_working_mappings(path: Path) -> None:
    load_mapping(str(path))
    assert not refused(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SHIPPED.values(), ids=lambda path: path.stem)
def test_shipped_mappings_name_the_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=mapping.schema.json"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line {example.line}")
def test_schema_and_program_agree_on_the_examples(example: Example, tmp_path: Path) -> None:
    path = mapping_at(tmp_path / "mine.yaml", example.mapping)
    try:
        load_mapping(str(path))
    except MappingError:
        assert refused(example.mapping)
    else:
        assert not refused(example.mapping)


WRONG = {
    "top": "titel: T",
    "no such field": "contacts: [{first_name: N, fone: P}]",
    "field key": "contacts: [{first_name: {form: N}}]",
    "two sources": "contacts: [{first_name: {from: N, constant: M}}]",
    "transform": "contacts: [{first_name: {from: N, as: uper}}]",
    "transform lacks its text": "contacts: [{first_name: {from: N, as: date}}]",
    "one text instead of two": "contacts: [{first_name: {from: N, as: {replace: [a]}}}]",
    "take": "contacts: [{first_name: {from: [N, M], take: frist}}]",
    "take nothing": "contacts: [{first_name: {from: [N, M], take: 0}}]",
    "otherwise": "contacts: [{first_name: {from: N, values: {a: b}, otherwise: fail}}]",
    "repeat": "contacts: [{repeat: 1-5, first_name: 'N{n}'}]",
    "on_error": "contacts: [{on_error: drop, first_name: N}]",
    "policy": "contacts: [{first_name: {from: N, invalid: maybe}}]",
    "yes or no": "two_headers: maybe",
    "address without a type": "addresses: [{address_line_1: N}]",
    "skip without a reason": "skip: [{column: N, blank: true}]",
    "skip with two tests": "skip: [{column: N, blank: true, is: x, reason: r}]",
    "skip without a column": "skip: [{blank: true, reason: r}]",
    "condition key": "skip: [{colum: N, blank: true, reason: r}]",
    "key twice": "tables: {a: {key: No}}",
    "country": "country: usa",
    "no such code": "severity: {phone_invalid: warning}",
    "fixed severity": "severity: {required: warning}",
    "severity": "severity: {invalid_phone: harmless}",
}


@pytest.mark.parametrize("addition", WRONG.values(), ids=WRONG)
def test_schema_and_program_refuse_invalid_mappings(addition: str, tmp_path: Path) -> None:
    assert not refused(MINIMAL)
    load_mapping(str(mapping_at(tmp_path / "minimal.yaml", MINIMAL)))
    assert refused(MINIMAL + addition)
    with pytest.raises(MappingError, match=r"wrong\.yaml:"):
        load_mapping(str(mapping_at(tmp_path / "wrong.yaml", MINIMAL + addition)))


def test_schema_offers_every_transform() -> None:
    plain, given = SCHEMA["$defs"]["step"]["anyOf"]
    assert [*plain["enum"], *given["properties"]] == sorted(
        TRANSFORMS, key=lambda name: (TRANSFORMS[name].argument != "none", list(TRANSFORMS).index(name))
    )


def test_explanation_matches_the_approved_text() -> None:
    said = explain(load_mapping(str(HERE / "every_key.yaml")), width=100)
    assert said == (HERE / "every_key.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*SHIPPED, str(HERE / "every_key.yaml")], ids=lambda name: Path(name).stem)
def test_explanations_fit_the_width(name: str) -> None:
    loaded = load_mapping(name)
    for width in (40, 71, 72, 100):
        assert max(map(len, explain(loaded, width=width).splitlines())) <= width


@pytest.mark.parametrize("name", SHIPPED)
def test_explanation_names_all_columns_and_reasons(name: str) -> None:
    loaded = load_mapping(name)
    mapping = loaded.mapping
    said = explain(loaded, width=2000)
    sections = [mapping.customer, *mapping.children()]
    columns = [column for part in sections for rule in part.fields().values() for column in rule.columns()]
    columns += [column for table in mapping.tables.values() for rule in table.key for column in rule.columns()]
    skips = [skip for table in mapping.tables.values() for skip in table.skip]
    columns += [column for skip in skips for column, _ in skip.references()]
    for column in {name for reference in columns for name in alternatives(reference)}:
        assert f'"{column}"' in said
    for skip in skips:
        assert f"{skip.reason}: " in said


def test_all_transforms_can_be_explained() -> None:
    assert _STEPS.keys() == TRANSFORMS.keys()


def test_page_lists_every_mapping() -> None:
    listed = re.findall(r"^\| `([^`]+)` \| (.*) \|$", TEXT.split("## The smallest mapping")[0], re.MULTILINE)
    assert listed == [(name, load_mapping(name).mapping.title) for name in SHIPPED]


def test_mappings_on_the_page_can_be_explained(tmp_path: Path) -> None:
    for example in EXAMPLES:
        if "compnay" not in example.mapping:
            loaded = load_mapping(str(mapping_at(tmp_path / "mine.yaml", example.mapping)))
            assert explain(loaded, width=80).startswith(f"{loaded.mapping.title}\n=")


@pytest.mark.parametrize("width", [40, 100])
def test_overview_lists_every_mapping(width: int) -> None:
    lines = overview(width).splitlines()
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in SHIPPED] == list(SHIPPED)
    text = " ".join(" ".join(lines).split())
    for name in SHIPPED:
        assert load_mapping(name).mapping.title in text
