"""The JSON Schema by which editors complete and check mapping files.

``python -m tests.docs.json_schema > mappings/mapping.schema.json`` writes it. It is generated from the model, the short
forms that the model accepts, and the descriptions of keys in ``mappings/README.md``. Editors convert YAML's scalars,
so the schema also accepts numbers and booleans as texts.
"""

import json
import re
import sys
from collections.abc import Collection, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from importer.catalogue import CODES
from importer.mapping.language.mapping_files import INHERITED, shipped_folder
from importer.mapping.language.mapping_model import ONE_TABLE, Mapping
from importer.mapping.language.mapping_rules import TESTS, FieldRule, OtherColumn
from importer.mapping.transforms.registry import TRANSFORMS
from importer.records import Severity

Schema = dict[str, Any]

_HEADINGS = {  # headings of the reference in the README → the class whose keys are listed there
    "### The top of the file": "Mapping",
    "### A table": "TableRule",
    "### A parent": "ParentRule",
    "### A condition": "SkipRule",
    "### A field": "FieldRule",
    "Under `same_as` and `differs_from` in their long form:": "OtherColumn",
    "Under `otherwise` in its long form:": "Otherwise",
    "### The customer's fields": "CustomerEntry",
    "### An address": "AddressEntry",
    "### A contact": "ContactEntry",
}
_NOTHING = ("null", "~", "")  # YAML's forms of null, as texts
_ARGUMENTS: dict[str, Schema] = {
    "text": {"$ref": "#/$defs/text"},
    "texts": {"$ref": "#/$defs/texts"},
    "pair": {"type": "array", "items": {"$ref": "#/$defs/text"}, "minItems": 2, "maxItems": 2},
}
_FORMS: dict[str, Schema] = {
    "text": {"type": ["string", "number", "boolean"]},
    "texts": {"anyOf": [{"$ref": "#/$defs/text"}, {"type": "array", "items": {"$ref": "#/$defs/text"}}]},
    "yes_no": {
        "anyOf": [
            {"enum": ["yes", "no", True, False]},
            {"type": "string", "pattern": "^([Yy][Ee][Ss]|[Nn][Oo]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"},
        ]
    },
    "field": {
        "description": "A column; or a list of columns; or everything about the field, beginning with `from`.",
        "anyOf": [
            {"$ref": "#/$defs/text"},
            {"type": "array", "items": {"$ref": "#/$defs/text"}, "minItems": 1},
            {"$ref": "#/$defs/FieldRule"},
        ],
    },
    "take": {
        "anyOf": [
            {"enum": ["first", "last", "all", "{n}"]},
            {"type": "integer", "not": {"const": 0}},
            {"type": "string", "pattern": "^-?[1-9][0-9]*$"},
        ]
    },
    "repeat": {"type": "string", "pattern": r"^\s*[0-9]+\s*\.\.\s*[0-9]+\s*$"},
    "severity": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"enum": [str(severity) for severity in Severity], "description": code.title}
            for name, code in CODES.items()
            if not code.locked
        },
    },
    "steps": {"anyOf": [{"$ref": "#/$defs/step"}, {"type": "array", "items": {"$ref": "#/$defs/step"}}]},
}


class _FileSchema(GenerateJsonSchema):
    """The model as a mapping file has it: keys are left out instead of null, and have no titles or defaults."""

    def nullable_schema(self, schema: Any) -> Schema:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> Schema:
        return self.generate_inner(schema["schema"])

    def str_schema(self, schema: Any) -> Schema:
        made = super().str_schema(schema)
        return {"form": "text"} if made == {"type": "string"} else made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _definitions() -> dict[str, Schema]:
    """Every class of the model, including ``Mapping``."""
    models: Sequence[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in (Mapping, FieldRule, OtherColumn)
    ]
    _, made = models_json_schema(models, schema_generator=_FileSchema)
    definitions: dict[str, Schema] = json.loads(json.dumps(made["$defs"]), object_hook=_with_reference)
    del definitions["TransformStep"]  # replaced by the form "steps"
    kept = ("type", "additionalProperties", "required", "properties")
    described = descriptions()
    for name, own in definitions.items():
        for key, schema in own["properties"].items():
            schema["description"] = described[name][key]
    return {name: {key: own[key] for key in kept if key in own} for name, own in definitions.items()}


def descriptions() -> dict[str, dict[str, str]]:
    """Class → key → its description in the README's reference."""
    text = (shipped_folder() / "README.md").read_text(encoding="utf-8")
    found = {}
    for heading, name in _HEADINGS.items():
        table = text.split(f"\n{heading}\n")[1].split("\n| `", 1)[1].split("\n\n")[0]
        rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", f"| `{table}", re.MULTILINE)
        found[name] = {key: described.replace("\\|", "|") for key, described in rows}
    return {**found, "Condition": found["SkipRule"]}


def _with_reference(part: Schema) -> Schema:
    """The model's ``{"form": "text"}`` → a reference to that definition."""
    return {"$ref": f"#/$defs/{part.pop('form')}", **part} if "form" in part else part


def mapping_schema() -> Schema:
    """The schema (JSON Schema, draft 7) of a mapping file in all its forms, as plain data."""
    definitions = _definitions()
    top = definitions.pop("Mapping")
    for key in ONE_TABLE:
        top["properties"][key] = definitions["TableRule"]["properties"][key]
    # Every definition for mappings that extend another: nothing is required, and null removes something.
    parts = {"field": _FORMS["field"], **definitions}
    extending = {f"{name}.extending": _loosened(schema, definitions) for name, schema in parts.items()}
    loose = _loosened(top, definitions)
    definitions["AddressEntry"]["required"] = ["type"]
    definitions["CustomerEntry"]["required"] = ["company_name"]
    definitions["FieldRule"]["oneOf"] = [{"required": [source]} for source in ("from", "constant", "flags")]
    wide = [{"required": [test], "not": {"required": ["column"]}} for test in ("only", "any", "all")]
    tests = [{"required": [test, "column"]} for test in TESTS]
    for name in ("Condition", "SkipRule"):
        definitions[name]["oneOf"] = [*tests, *wide]
    top["required"] = ["title", "customer"]
    several = [{"required": [key]} for key in ONE_TABLE]
    top["oneOf"] = [
        {"required": ["key"], "not": {"required": ["tables"]}},
        {"required": ["tables"], "not": {"anyOf": several}},
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "if": {"required": ["extends"]},
        "then": loose,
        "else": top,
        "$defs": {**_FORMS, "step": _step(), **definitions, **extending},
    }


def _loosened(schema: Any, tables: Collection[str]) -> Any:
    """A schema without its requirements; ``tables``: the definitions whose lists can be changed by number."""
    if isinstance(schema, list):
        return [_loosened(item, tables) for item in schema]
    if not isinstance(schema, dict):
        return schema
    loose: Schema = {}
    for key, value in schema.items():
        if key == "$ref":
            loose[key] = f"{value}.extending" if value.rpartition("/")[2] in {"field", *tables} else value
        elif key == "properties":
            loose[key] = {name: _or_nothing(_loosened(inner, tables)) for name, inner in value.items()}
        elif key == "additionalProperties" and isinstance(value, dict):
            loose[key] = _or_nothing(_loosened(value, tables))
        elif key == "items":
            loose[key] = {"anyOf": [_loosened(value, tables), {"const": INHERITED}]}
        elif key not in {"required", "minProperties", "minItems"}:
            loose[key] = _loosened(value, tables)
    if schema.get("items", {}).get("$ref", "").rpartition("/")[2] not in tables:
        return loose
    item = _or_nothing(_loosened(schema["items"], tables))
    numbered = {"type": "object", "patternProperties": {"^[1-9][0-9]*$": item}, "additionalProperties": False}
    about = {"description": loose.pop("description")} if "description" in loose else {}
    return {**about, "anyOf": [loose, numbered]}


def _or_nothing(schema: Schema) -> Schema:
    about = {"description": schema["description"]} if "description" in schema else {}
    return {**about, "anyOf": [schema, {"enum": [None, *_NOTHING]}]}


def schema_text() -> str:
    """The text of ``mappings/mapping.schema.json``."""
    return json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n"


def _step() -> Schema:
    plain = [name for name, spec in TRANSFORMS.items() if spec.argument == "none"]
    given = {name: spec for name, spec in TRANSFORMS.items() if spec.argument != "none"}
    return {
        "anyOf": [
            {"enum": plain, "enumDescriptions": [TRANSFORMS[name].about for name in plain]},
            {
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {
                    name: {**_ARGUMENTS[spec.argument], "description": spec.about} for name, spec in given.items()
                },
            },
        ]
    }


if __name__ == "__main__":
    sys.stdout.write(schema_text())
