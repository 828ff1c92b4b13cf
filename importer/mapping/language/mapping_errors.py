"""What is wrong with a mapping file, in the words of the mapping: which address, which key, what was meant."""

import re
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from importer.mapping.language.mapping_model import ONE_TABLE, Mapping
from importer.mapping.language.mapping_rules import TableRule
from importer.wording import nearest

Place = tuple[str | int, ...]

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ITEMS = {  # what an item of a list is called
    "addresses": "address",
    "contacts": "contact",
    "skip": "skip rule",
    "key": "part of the key",
    "match": "part of match",
    "any": "condition under any",
    "all": "condition under all",
}
# What people write → the keys that they mean; the first one that is allowed in the place counts.
_MEANT = {
    "address_line_1": "street address address1 address_1 addr line1 line_1 street1 street_1 strasse rue calle",
    "address_line_2": "street2 street_2 address2 address_2 line2 line_2 suite unit",
    "zip_code": "zip zipcode postal_code postalcode postcode post_code postal plz",
    "state": "province region county",
    "city": "town place ort ville",
    "country": "country_code nation land",
    "type": "kind address_type usage",
    "phone": "telephone tel mobile cell phone_number telephone_number",
    "email": "mail e_mail email_address mail_address",
    "company_name": "name company customer_name business organization",
    "first_name": "given_name forename contact person name",
    "last_name": "surname family_name",
    "designation": "title job_title job position role function",
    "payment_term": "terms payment_terms term",
    "payment_mode": "payment payment_method",
    "shipping_method": "ship_via shipping carrier",
    "freight_term": "freight incoterm incoterms",
    "assigned_sales_rep_ids": "sales_rep sales_reps rep salesperson",
    "assigned_price_list_id": "price_list pricelist price_level",
    "display_id": "number customer_number account_number",
    "reference_id": "id external_id customer_id",
    "is_default": "default primary main",
    "attributes": "attribute custom custom_fields fields",
    "when": "if where condition filter only_if",
    "from": "column columns source field",
    "as": "transform transforms format convert",
    "values": "map mapping translate table lookup_table",
    "else": "fallback or",
    "split": "separator separators delimiter",
    "skip": "exclude filter skip_rows where",
    "tables": "sheets files sources",
    "key": "id primary_key identifier",
    "is": "equals equal value eq",
    "matches": "regex pattern like",
    "blank": "empty",
    "repeat": "count times",
    "ignore": "ignored ignore_columns",
}
_KINDS = {  # of pydantic's errors
    "literal_error": "choice",
    "enum": "choice",
    "bool_parsing": "flag",
    "bool_type": "flag",
    "too_short": "short",
    "string_too_short": "short",
    "model_type": "shape",
    "model_attributes_type": "shape",
    "list_type": "list",
    "dict_type": "shape",
}
_YAML = (  # beginnings of the parser's messages → what is usually the reason
    ("mapping values are not allowed", "there is an extra colon, or the line is indented incorrectly"),
    ("could not find expected ':'", "a key has no colon, or a value continues on the next line without indentation"),
    ("found character", "a value begins with a character that needs quotes, or a tab is used where spaces belong"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("expected ',' or", "a comma or a closing bracket is missing"),
    ("found unexpected end of stream", "a quotation mark is missing at the end"),
)


def yaml_message(error: yaml.MarkedYAMLError) -> str:
    """Why the file is not YAML."""
    problem = error.problem or error.context or ""
    alias = re.match(r"found undefined alias '(.+)'", problem)
    if alias is not None:
        return f"*{alias[1]} repeats a part that is called &{alias[1]}, but nothing above has that name"
    reasons = (reason for beginning, reason in _YAML if problem.startswith(beginning))
    return f"not valid YAML: {next(reasons, problem)}"


def yaml_hint(error: yaml.MarkedYAMLError) -> str:
    """What to do about it."""
    if "alias" in (error.problem or ""):
        return "A name that begins with '*' needs quotes: \"*Name\"."
    return "Check the indentation, and put quotes around names that contain ':', '#', '*' or '{'."


@dataclass(frozen=True)
class Fault:
    """Something wrong in a mapping. ``where``: ``file:line``. ``place``: the keys that lead to it.

    ``meant``: for an unknown key, the one that it almost certainly is.
    """

    where: str
    text: str
    place: Place = ()
    meant: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


def faults_of(error: ValidationError, spots: Table[Place, str]) -> Iterator[Fault]:
    """Yield each fault that the model found. ``spots``: ``file:line`` of every place in the mapping."""
    for item in error.errors():
        place = (*item["loc"], *item.get("ctx", {}).get("place", ()))
        if place[:2] == ("tables", "customers") and ("tables",) not in spots:
            place = place[2:]
        known = place
        while known and known not in spots:
            known = known[:-1]
        text, name, meant = _said(item), known, None
        if item["type"] == "extra_forbidden":
            (text, meant), name = _unknown_key(item["loc"]), known[:-1]
        elif item["type"] == "missing":
            text = f"{place[-1]} is missing"
        where = place_name(name)
        # Where a value can be one of several things, pydantic names in the place which of them it is not.
        exact = place if item["type"] in {"missing", "misplaced"} else known
        yield Fault(spots[known], f"{where + ': ' if where else ''}{text}", exact, meant)


def place_name(place: Place) -> str:
    """``("addresses", 0, "type")`` → ``the first address, type``."""
    words: list[str] = []
    for before, part in zip(("", *place), place, strict=False):
        if isinstance(part, int):
            number = _ORDINALS[part] if part < len(_ORDINALS) else f"{part + 1}th"
            words[-1] = words[-1].removesuffix(str(before)).removesuffix(".")
            words += [f"the {number} {_ITEMS.get(str(before), f'item of {before}')}", ""]
        elif words:
            words[-1] += f".{part}" if words[-1] else part
        else:
            words.append(part)
    return ", ".join(word for word in words if word)


def _said(item: Any) -> str:
    """The message of one error; pydantic's own are put in other words."""
    given = item["input"]
    kind = _KINDS.get(item["type"], item["type"])
    of = str(item.get("ctx", {}).get("class_name", ""))
    one_value = f"must be one value, not {'a list' if isinstance(given, list) else 'a table of keys'}"
    said = {
        "choice": f"must be {item.get('ctx', {}).get('expected')}, not {given!r}",
        "flag": f"must be yes or no, not {given!r}",
        "string_pattern_mismatch": f"must be a code of two capital letters, such as US, not {given!r}",
        "string_type": one_value,
        "short": "must not be empty" if not given else f"needs at least {item.get('ctx', {}).get('min_length')}",
        "shape": f"must be a table of {'fields' if of.endswith('Entry') else 'keys'}, not {given!r}",
        "list": f"must be a list, not {given!r}",
    }
    return said.get(kind, str(item["msg"]).removeprefix("Value error, "))


def _unknown_key(place: Place) -> tuple[str, str | None]:
    """What is said about an unknown key, and the key that it almost certainly is."""
    keys = sorted(_keys_at(place[:-1]))
    word = str(place[-1])
    meant = next(iter(_meant(word, keys) or nearest(word, keys, cutoff=0.75)), None)
    near = meant or next(iter(nearest(word, keys, cutoff=0.5)), None)
    guess = f"did you mean {near!r}?" if near else f"valid keys: {', '.join(keys)}"
    return f"unknown key {place[-1]!r}; {guess}", meant


def _meant(word: str, keys: list[str]) -> list[str]:
    """The allowed keys that a word usually stands for."""
    plain = re.sub(r"[\s\-]+", "_", word.strip().casefold())
    return [key for key, words in _MEANT.items() if key in keys and plain in words.split()]


def _keys_at(place: Place) -> set[str]:
    """The keys that the model allows at a place."""
    model: type[BaseModel] = Mapping
    for part in place:
        model = _inner(model, part) or model
    keys = {field.alias or name for name, field in model.model_fields.items()}
    return keys | {*ONE_TABLE} if model is Mapping else keys


def model_at(place: Place) -> type[BaseModel] | None:
    """The class of what is at a place; None for what has no class of its own."""
    model: type[BaseModel] | None = Mapping
    for before, part in zip(("", *place), place, strict=False):
        own = TableRule if model is Mapping and part in ONE_TABLE else model or Mapping
        named = isinstance(part, int) or before in {"attributes", "tables"}
        model = model if named else _inner(own, part)
    return model


def _inner(model: type[BaseModel], part: str | int) -> type[BaseModel] | None:
    """The class of a key's value, or of its items."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return next(_models_in(fields[str(part)].annotation), None) if part in fields else None


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
