"""Rules of a mapping file as plain values: one column, the first of several, a whole name, a type."""

from collections.abc import Mapping, Sequence
from typing import Any

from importer.drafting.address_parts import AddressGroup
from importer.drafting.lexicon import lexicon
from importer.drafting.table_draft import TableDraft

_SEPARATORS = [",", ";"]


def first_of(headers: Sequence[str]) -> Any:
    """One column, or the first of several that is filled."""
    return headers[0] if len(headers) == 1 else {"from": list(headers), "take": "first"}


def joined(headers: Sequence[str], sign: str) -> Any:
    """One column, or several as one text."""
    return headers[0] if len(headers) == 1 else {"from": list(headers), "join": sign}


def detail(name: str, headers: Sequence[str]) -> Any:
    """A phone, or the first of several email addresses in a cell."""
    if name != "email":
        return first_of(headers)
    return {"from": headers[0] if len(headers) == 1 else list(headers), "split": _SEPARATORS, "take": "first"}


def sales_reps(header: str) -> dict[str, Any]:
    """Names or email addresses of sales reps."""
    return {"from": header, "split": [*_SEPARATORS, "/"], "take": "all", "lookup": "sales_rep", "invalid": "blank"}


def or_else(rule: Any, other: Any) -> Any:
    """A rule, and another one for where it gives nothing."""
    return {**({"from": rule} if isinstance(rule, str) else rule), "else": other}


def person_names(draft: TableDraft, own: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """First and last name, from columns of their own or else from one with the whole name."""
    out: dict[str, Any] = {}
    both = set(own.get("first_name", ())) & set(own.get("last_name", ()))
    for name in ("first_name", "last_name"):
        parts: list[Any] = [draft.headers[column] for column in own.get(name, ()) if column not in both]
        whole: list[Any] = [
            {"from": draft.headers[column], "as": name} for column in own.get(name, ()) if column in both
        ]
        rules = parts[:1] + whole[:1] if parts or whole else []
        if rules:
            out[name] = rules[0] if len(rules) == 1 else or_else(rules[0], rules[1])
    return out


def is_filled(headers: Sequence[str]) -> dict[str, Any]:
    """The condition that any of these columns is filled."""
    filled = [{"column": header, "blank": False} for header in headers]
    return filled[0] if len(filled) == 1 else {"any": filled}


def is_blank(draft: TableDraft, group: AddressGroup) -> dict[str, Any]:
    """The condition that an address is blank."""
    columns = group.packed or [column for part in ("line_1", "city") for column in group.parts.get(part, ())[:1]]
    blank = [{"column": draft.headers[column], "blank": True} for column in columns]
    return blank[0] if len(blank) == 1 else {"all": blank}


def address_parts(draft: TableDraft, parts: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The fields of an address whose parts have columns of their own."""

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
    out.update({part: first_of(own) for part in ("city", "state", "zip_code", "country") if (own := named(part))})
    return out


def address_type(draft: TableDraft, column: int) -> dict[str, Any]:
    """The type of each address by the words of its column; other words are billing addresses."""
    words = lexicon()
    texts = draft.values[column].texts
    values = {text: kind for kind in ("billing", "shipping") for text in texts if words.is_cell(text, kind)}
    return {
        "from": draft.headers[column],
        "values": values or {"billing": "billing", "shipping": "shipping"},
        "otherwise": {"constant": "billing"},
        "default": "billing",
    }
