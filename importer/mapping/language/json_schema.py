"""The JSON Schema by which editors complete and check mapping files, and a line about every key of the language.

``python -m importer.mapping.language.json_schema > mappings/mapping.schema.json`` writes it. It is made from the model,
with the short forms that the model takes as well.
Editors read YAML's own scalars, so a text may look like a number there.
"""

import json
import sys
from collections.abc import Collection
from typing import Any

from importer.catalogue import CODES
from importer.mapping.language.extends import INHERITED
from importer.mapping.language.mapping_model import ONE_TABLE, Mapping
from importer.mapping.transforms.registry import TRANSFORMS
from importer.records import Severity

__all__ = ["KEYS", "mapping_schema", "schema_text"]

Schema = dict[str, Any]

_NOTHING = ("null", "~", "")  # YAML's words for nothing, as texts

_WORDS = "A short text of the customer's, at most 255 characters."
_PERSON = {
    "first_name": "First name of the person. A whole name in one cell: `as: first_name`.",
    "last_name": "Last name of the person. A whole name in one cell: `as: last_name`.",
    "phone": "Phone number; `phone` is applied unless `as` says otherwise.",
    "email": "E-mail address; `email` is applied unless `as` says otherwise.",
}
_CHILD = {
    "is_default": "Whether it is the default one: yes or no. Without a yes, the first that is not a no becomes it.",
    "attributes": "Custom attributes: their names in WizCommerce, each with a field.",
    "optional": "`true`: the columns of these fields may be absent, unless a field says otherwise.",
    "table": "Which of `tables` the rows come from; the first one unless said.",
    "repeat": "A range such as `1..5`: the entry is read once for each number, which stands for `{n}` in column names.",
    "when": "A condition: only rows for which it holds are looked at.",
    "on_error": "`reject` (a wrong child rejects its customer) or `drop_child` (it is left out, with a warning).",
}
_CONDITION = {
    "column": "The column that is looked at; `A|B` are two names of one column.",
    "is": "The cell is this text, or one of these; capitals don't matter.",
    "is_not": "The cell is filled, and is none of these texts; capitals don't matter.",
    "flag": "`yes`: the cell says yes (`Yes, Y, T, TRUE, 1, x, tYES, Active`); `no`: it says no.",
    "matches": "A regular expression that is found somewhere in the cell.",
    "blank": "`true`: the cell is empty; `false`: it is not.",
    "only": "One of these columns is filled, and no other column of the mapping is.",
    "any": "A list of conditions, at least one of which holds.",
    "all": "A list of conditions, all of which hold.",
    "optional": "`true`: the column may be absent; it counts as empty then.",
}
KEYS: dict[str, dict[str, str]] = {
    "ParentRule": {
        "from": "The column that names the other row; of several, the first one that is filled. Required.",
        "as": "Transforms of that column's text, one after another.",
        "match": "The columns by which rows are named: a name, an id, or both. Required.",
    },
    "Mapping": {
        "extends": "Another mapping, by its name or its path from this file: what is not said here comes from there.",
        "title": "What the mapping is for, in one line. Required.",
        "description": "What the export looks like, and what is special about it.",
        "export": "How to get the export out of the system.",
        "country": "Two-letter code: the country of phones and states where a row names none; `--country` outdoes it.",
        "tables": "Several files or sheets: a name for each, and its table rule. The first one makes the customers.",
        "customer": "The customer's own fields. Required, and in it `company_name`.",
        "addresses": "A list of ways in which a row gives an address.",
        "contacts": "A list of ways in which a row gives a contact.",
        "contact_email": "`optional`, or `required`: a contact without an e-mail address is an error.",
        "severity": "A table: a problem's code, and `error`, `warning` or `info`: how much it matters here.",
    },
    "TableRule": {
        "key": "The column, or the columns, that say which customer a row belongs to. Required.",
        "blank_key": "`reject`, or `above`: a row with a blank key is a further row of the customer above it.",
        "parent": "Rows that name another row belong to it, and give its addresses and contacts; see below.",
        "has": "Columns by which the table is told from the others: it has all of them.",
        "names": "Patterns of file or sheet names (`*Address*`), for when the columns do not decide.",
        "two_headers": "`true`: a second header row may stand beside the first.",
        "skip": "Conditions under which a row is left out, each with its reason.",
        "ignore": "Columns known and left alone on purpose: they are not reported as unused.",
    },
    "SkipRule": {"reason": "Why these rows are left out; reports count them by it. Required.", **_CONDITION},
    "Condition": _CONDITION,
    "FieldRule": {
        "from": "The column; a list means several columns, `A|B` two names of one column.",
        "constant": "The same text for every record, instead of a column.",
        "flags": "For `type`: `billing` and `shipping`, each with a column that says yes or no.",
        "split": "Texts that separate several values in one cell.",
        "as": "The transforms to apply, one after another.",
        "take": "Which of several is sent: `first`, `last`, a number, `{n}` with `repeat`; `all` for sales reps.",
        "join": "The text to put between several values, which are sent as one.",
        "values": "A table: text in the file, text to send. Capitals don't matter.",
        "otherwise": "What becomes of a text that `values` lacks: `keep`, `error`, `blank`, or `{constant: text}`.",
        "else": "Another field's rule, for where this one gives nothing: a column, or everything about it.",
        "default": "What is sent when nothing is there.",
        "lookup": "`sales_rep` or `price_list`: the text is looked up in WizCommerce, and its id is sent.",
        "optional": "`true`: the columns may be absent; `false`: they must be there.",
        "conflict": "`reject`, or `first`: where rows of one customer disagree, the first one counts.",
        "invalid": "`reject`, or `blank`: a wrong value is left out, with a warning.",
        "extension_to": "For `phone`: the attribute that a phone's extension goes to.",
        "clear_when_blank": "`true`, for a customer's own field: with `--mode upsert`, a blank empties it.",
    },
    "Otherwise": {"constant": "The text that is sent instead of one that `values` lacks."},
    "CustomerEntry": {
        "reference_id": "The customer's id in your system; the key, unless said.",
        "assigned_sales_rep_ids": "The sales reps' ids; with `lookup: sales_rep` their names or e-mail addresses.",
        "assigned_price_list_id": "The price list's id; with `lookup: price_list` its name.",
        "company_name": "The company's name. Required, at most 255 characters.",
        "display_id": "The customer number that people see; WizCommerce makes one up if there is none.",
        "display_name": "The name that people see; the company's name, unless said.",
        "freight_term": _WORDS,
        "shipping_method": _WORDS,
        "payment_mode": _WORDS,
        "payment_term": _WORDS,
        **_PERSON,
        "attributes": _CHILD["attributes"],
        "optional": _CHILD["optional"],
    },
    "AddressEntry": {
        "reference_id": "The address's id; made from its text, unless said.",
        "address_line_1": "Street and number.",
        "city": "At most 50 characters.",
        "type": "`billing` or `shipping`. Required.",
        **_PERSON,
        "address_line_2": "What follows the street.",
        "state": "State or province; `state` is applied unless `as` says otherwise.",
        "country": "Country; `country` is applied unless `as` says otherwise.",
        "zip_code": "Post code.",
        **_CHILD,
        "packed": "A column with a whole address in each cell: it is taken apart, and needs no fields but `type`.",
        "lines": "Columns with the lines of an address, whatever stands in which: taken apart likewise.",
    },
    "ContactEntry": {
        "reference_id": "The contact's id; made from its text, unless said.",
        **_PERSON,
        "designation": "What the person does, such as `Buyer`.",
        **_CHILD,
    },
}
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
    "steps": {
        "anyOf": [{"$ref": "#/$defs/step"}, {"type": "array", "items": {"$ref": "#/$defs/step"}}],
    },
}


def mapping_schema() -> Schema:
    """The schema (JSON Schema, draft 7) of a mapping file in all its forms, as plain data."""
    made = Mapping.model_json_schema(by_alias=True)
    definitions = {name: _described(name, schema) for name, schema in made.pop("$defs").items()}
    top = _described("Mapping", made)
    for key in ONE_TABLE:
        top["properties"][key] = definitions["TableRule"]["properties"][key]
    extending = _extending(top, definitions)
    definitions["AddressEntry"]["required"] = ["type"]
    definitions["CustomerEntry"]["required"] = ["company_name"]
    definitions["FieldRule"]["oneOf"] = [{"required": [source]} for source in ("from", "constant", "flags")]
    wide = [{"required": [test], "not": {"required": ["column"]}} for test in ("only", "any", "all")]
    tests = [{"required": [test, "column"]} for test in ("is", "is_not", "flag", "matches", "blank")]
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
        "then": extending.pop("Mapping"),
        "else": top,
        "$defs": {**_FORMS, "step": _step(), **definitions, **extending},
    }


def _extending(top: Schema, definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Every definition as a mapping that extends another has it: nothing is required, and null takes something out."""
    parts = {"Mapping": top, "field": _FORMS["field"], **definitions}
    made = {name: _loosened(schema, definitions) for name, schema in parts.items()}
    return {name if name == "Mapping" else f"{name}.extending": schema for name, schema in made.items()}


def _loosened(schema: Any, tables: Collection[str]) -> Any:
    """A schema without what it requires; ``tables``: the definitions whose lists can be changed by numbers."""
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
    """The schema as it stands in ``mappings/mapping.schema.json``."""
    return json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n"


def _described(name: str, schema: Schema) -> Schema:
    """An object of the model with short forms let in, its keys described."""
    forms = {"as": "steps", "take": "take", "repeat": "repeat", "severity": "severity"}
    out: Schema = {"type": "object", "additionalProperties": False}
    if "required" in schema:
        out["required"] = schema["required"]
    out["properties"] = {
        key: {
            **({"$ref": f"#/$defs/{forms[key]}"} if key in forms else _tidy(value)),
            "description": KEYS[name][key],
        }
        for key, value in schema["properties"].items()
    }
    return out


def _tidy(schema: Schema) -> Schema:
    """A property as the file has it: no null (there is none in a mapping), texts and flags in all their spellings."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if options:
        return _choice(options)
    plain: Schema = {key: value for key, value in schema.items() if key not in {"title", "default"}}
    if plain in ({"type": "string"}, {"type": "boolean"}):
        return {"$ref": "#/$defs/text" if plain["type"] == "string" else "#/$defs/yes_no"}
    inner = {key: _tidy(plain[key]) for key in ("items", "additionalProperties") if isinstance(plain.get(key), dict)}
    return {**plain, **inner}


def _choice(options: list[Schema]) -> Schema:
    lists = [option for option in options if option.get("type") == "array"]
    if {"$ref": "#/$defs/FieldRule"} in options:
        field: Schema = {"$ref": "#/$defs/field"}
        several = any("anyOf" in option["items"] for option in lists)  # key: one field, or a list of fields
        return {"anyOf": [field, {"type": "array", "items": field, "minItems": 1}]} if several else field
    if {"type": "string"} in options and lists:
        return {"$ref": "#/$defs/texts"}
    return _tidy(options[0]) if len(options) == 1 else {"anyOf": [_tidy(option) for option in options]}


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
