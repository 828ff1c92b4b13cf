"""Rules of a mapping file as plain values: one column, the first of several, a whole name, a type."""

from collections.abc import Mapping, Sequence
from typing import Any

from importer.drafting.assigned_fields import AddressGroup
from importer.drafting.column_values import VEHICLE_CODES
from importer.drafting.lexicon import lexicon
from importer.drafting.table_draft import TableDraft
from importer.mapping.transforms.countries import country_code

_SEPARATORS = [",", ";"]
_LINE_BREAKS = 0.02  # share of values with several lines of a street in one cell
_TOWN_WITH_STATE, _STATE_OF_TOWN = r"^(.+?)[\s,/(-]+[A-Z]{2,3}\)?$", r"[\s,/(-]([A-Z]{2,3})\)?$"
_POST_CODE_BEFORE = r"^(?:[A-Z]{1,3}-)?\d[\d-]*(?: \d\d)?(?: [A-Z]{2}\b)?[\s,]+"
_LABELS = ["Phone", "Work", "Mobile", "Home", "Other"]
_LABELLED = 0.2  # share of values with labels


def first_of(headers: Sequence[str]) -> Any:
    """One column, or the first filled one of several."""
    return headers[0] if len(headers) == 1 else {"from": list(headers), "take": "first"}


def as_text(draft: TableDraft, column: int) -> Any:
    """One column as it is, but without the leading apostrophes if most of its values have one.

    Numbers get the leading zeros that they have in the table with the customers, or lose them if they have none there.
    """
    header, width = draft.headers[column], draft.widths.get(column)
    steps: list[Any] = ["unquote"] if draft.values[column].quoted else []
    if width:
        steps += [{"regex": [r"^(\d+)$", "0" * width + r"\1"]}, {"regex": [rf"^0+(\d{{{width}}})$", r"\1"]}]
    elif width == 0:
        steps += [{"regex": [r"^0+(\d+)$", r"\1"]}]
    return {"from": header, "as": steps if len(steps) > 1 else steps[0]} if steps else header


def joined(headers: Sequence[str], sign: str) -> Any:
    """One column, or several as one text."""
    return headers[0] if len(headers) == 1 else {"from": list(headers), "join": sign}


def detail(draft: TableDraft, name: str, columns: Sequence[int], *, of_person: bool = False) -> Any:
    """The first phone, or the first of several email addresses in a cell. ``of_person``: mobile numbers come first."""
    headers = [draft.headers[column] for column in columns]
    if name == "email":
        return {"from": headers[0] if len(headers) == 1 else headers, "split": _SEPARATORS, "take": "first"}
    beside = draft.assignment.beside_phones
    first = columns[0]
    if first in beside:
        is_area = draft.assignment.readings[beside[first]].concept == "area_code"
        parts = [headers[0], draft.headers[beside[first]]][:: -1 if is_area else 1]
        whole = {"from": parts, "as": "text", "join": " ", "then": "phone"}
        return or_else(whole, detail(draft, name, columns[1:])) if columns[1:] else whole
    if any(draft.values[column].labelled >= _LABELLED for column in columns):
        labels = sorted(_LABELS, key=lambda label: label != "Mobile") if of_person else _LABELS
        return {**as_steps(first_of(headers)), "as": [{"labelled": labels}, "phone"]}
    return first_of(headers)


def as_steps(rule: Any) -> dict[str, Any]:
    """A rule as a dictionary, so that steps can be added."""
    return {"from": rule} if isinstance(rule, str) else dict(rule)


def sales_reps(header: str) -> dict[str, Any]:
    return {"from": header, "split": [*_SEPARATORS, "/"], "take": "all", "lookup": "sales_rep", "invalid": "blank"}


def or_else(rule: Any, other: Any) -> Any:
    """A rule, with another rule that applies if it has no value."""
    return {**as_steps(rule), "else": other}


def person_names(draft: TableDraft, own: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """First and last name, from separate columns or else from a column with the whole name."""
    out: dict[str, Any] = {}
    both = [column for column in own.get("first_name", ()) if column in own.get("last_name", ())]
    whole = [draft.headers[column] for column in both]
    for name in ("first_name", "last_name"):
        parts = [draft.headers[column] for column in own.get(name, ()) if column not in both][:1]
        rules: list[Any] = [*parts, {**as_steps(first_of(whole)), "as": name}] if whole else [*parts]
        if rules:
            out[name] = rules[0] if len(rules) == 1 else or_else(rules[0], rules[1])
    return out


def is_filled(headers: Sequence[str]) -> dict[str, Any]:
    """The condition that any of these columns is filled."""
    filled = [{"column": header, "blank": False} for header in headers]
    return filled[0] if len(filled) == 1 else {"any": filled}


def are_blank(headers: Sequence[str]) -> dict[str, Any]:
    """The condition that all of these columns are blank."""
    blank = [{"column": header, "blank": True} for header in headers]
    return blank[0] if len(blank) == 1 else {"all": blank}


def is_blank(draft: TableDraft, group: AddressGroup) -> dict[str, Any]:
    """The condition that an address is blank."""
    columns = group.packed or [column for part in ("line_1", "city") for column in group.parts.get(part, ())[:1]]
    return are_blank([draft.headers[column] for column in columns])


def address_parts(draft: TableDraft, parts: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The fields of an address whose parts are in separate columns."""

    def named(part: str) -> list[str]:
        return [draft.headers[column] for column in parts.get(part, ())]

    out: dict[str, Any] = {}
    lines, numbers = named("line_1"), named("house_number")
    if lines and numbers:
        street = next((draft.headers[c] for c in parts["line_1"] if draft.readings[c].concept == "street"), lines[0])
        others = [line for line in lines if line != street]
        with_number = joined([street, numbers[0]], " ")
        out["address_line_1"] = or_else(with_number, others[0]) if others else with_number
    elif lines:
        out["address_line_1"] = first_of(lines)
    if second := named("line_2"):
        out["address_line_2"] = joined(second, ", ")
    in_one_cell = bool(lines) and draft.values[parts["line_1"][0]].share(lambda text: "\n" in text) >= _LINE_BREAKS
    if len(lines) == 1 and not numbers and not second and in_one_cell:
        out["address_line_1"] = {"from": lines[0], "as": {"extract": r"\A[^\r\n]*"}}
        out["address_line_2"] = {"from": lines[0], "as": [{"regex": [r"\A[^\r\n]*[\r\n]*", ""]}, {"one_line": ", "}]}
    out.update({part: first_of(own) for part in ("city", "state", "zip_code", "country") if (own := named(part))})
    if parts.get("city") and list(parts["city"]) == list(parts.get("state", ())):  # "São Paulo/SP"
        header = named("city")[0]
        out["city"] = or_else({"from": header, "as": {"extract": _TOWN_WITH_STATE}}, header)
        out["state"] = {"from": header, "as": {"extract": _STATE_OF_TOWN}, "invalid": "blank"}
    elif any(draft.assignment.readings[column].concept == "zip_city" for column in parts.get("city", ())):
        out["city"] = {**as_steps(out["city"]), "as": {"regex": [_POST_CODE_BEFORE, ""]}}
    codes = {
        text: VEHICLE_CODES[text.upper()]
        for column in parts.get("country", ())
        for text in draft.values[column].texts
        if text.upper() in VEHICLE_CODES and country_code(text) is None
    }
    if codes:
        out["country"] = {**as_steps(out["country"]), "values": codes}
    return out


def address_type(draft: TableDraft, column: int) -> dict[str, Any]:
    """The type of each address by the words of a column; other words mean billing addresses."""
    words = lexicon()
    texts = draft.values[column].texts
    values: dict[str, Any] = {
        text: kind for kind in ("billing", "shipping") for text in texts if words.is_cell(text, kind)
    }
    values |= {text: ["billing", "shipping"] for text in texts if words.is_cell(text, "both")}
    return {
        "from": draft.headers[column],
        "values": values or {"billing": "billing", "shipping": "shipping"},
        "otherwise": {"constant": "billing"},
        "default": "billing",
    }
