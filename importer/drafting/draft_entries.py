"""The parts of a draft mapping for the customer, its addresses, and its contacts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from importer.drafting.assigned_fields import AddressGroup, SameAddress
from importer.drafting.mapping_text import Noted
from importer.drafting.rule_content import (
    address_parts,
    address_type,
    are_blank,
    as_steps,
    as_text,
    detail,
    first_of,
    is_blank,
    is_filled,
    joined,
    or_else,
    person_names,
    sales_reps,
)
from importer.drafting.table_draft import TableDraft
from importer.mapping.word_table import FREE_KINDS
from importer.tables import ATTRIBUTE_PREFIX

_OF_THE_CUSTOMER = frozenset({"wide", "numbered groups", "packed"})  # layouts with one person in the customer's row
_NEARLY = 0.999
_CURRENCY = r"\s+-\s+(?:AUD|CAD|CHF|DKK|EUR|GBP|INR|JPY|MXN|NOK|NZD|PLN|SEK|USD|ZAR)$"  # "Harbor Goods - USD"
_SOME = 0.01  # share of names that end with a currency


def customer_entry(draft: TableDraft) -> dict[str, Any]:
    """The customer's own fields, from the main table."""
    given = draft.assignment.customer
    rules: dict[str, Any] = {"company_name": _company(draft), **_display_id(draft)}
    if draft.structure.layout in _OF_THE_CUSTOMER or _one_person(draft):
        rules |= person_names(draft, {**_first_person(draft), "designation": ()})
    for name in ("display_name", *FREE_KINDS):
        if name in given:
            rules[name] = first_of(_headers(draft, given[name]))
    for name in ("phone", "email"):
        if name in given:
            rules[name] = detail(draft, name, given[name])
    if reps := given.get("assigned_sales_rep_ids"):
        rules["assigned_sales_rep_ids"] = sales_reps(draft.headers[reps[0]])
    if lists := given.get("assigned_price_list_id"):
        rules["assigned_price_list_id"] = {"from": draft.headers[lists[0]], "lookup": "price_list", "invalid": "blank"}
    rules_by_field = {name: _with_conflict_rule(draft, name, rule) for name, rule in rules.items()}
    attributes = {
        name.removeprefix(ATTRIBUTE_PREFIX): _with_conflict_rule(draft, name, as_text(draft, columns[0]))
        for name, columns in given.items()
        if name.startswith(ATTRIBUTE_PREFIX)
    }
    return rules_by_field | ({"attributes": attributes} if attributes else {})


def _headers(draft: TableDraft, columns: Sequence[int]) -> list[str]:
    return [draft.headers[column] for column in columns]


def _display_id(draft: TableDraft) -> dict[str, Any]:
    """The number that people see: a number beside the key, or the key if that is the customer's number."""
    columns = draft.assignment.customer.get("display_id") or draft.structure.key
    if "display_id" not in draft.assignment.customer:
        columns = [at for at in columns if _is_number(draft, at)]
    return {"display_id": as_text(draft, columns[0])} if len(columns) == 1 else {}


def _is_number(draft: TableDraft, column: int) -> bool:
    """Whether people know a customer by this column: they do by a number, but not by an ID."""
    reading = draft.assignment.readings[column]
    return reading.concept == "customer_number" or (reading.concept == "id" and not reading.phrase.endswith("id"))


def _one_person(draft: TableDraft) -> bool:
    """Whether rows that continue the customer above have no person, so that the customer has just one."""
    person = _first_person(draft)
    columns = [draft.headers[column] for name in ("first_name", "last_name") for column in person.get(name, ())]
    if draft.structure.layout != "blank parent" or not columns:
        return False
    frame = draft.table.frame
    below = frame[draft.headers[draft.structure.key[0]]].str.strip() == ""
    return bool((frame.loc[below, columns] == "").all(axis=None))


def _first_person(draft: TableDraft) -> Mapping[str, Sequence[int]]:
    """The customer's person: its first contact, or else the person of the billing address."""
    contacts = draft.assignment.contacts
    if _are_named(contacts):
        return contacts[min(contacts)] if min(contacts) <= 1 else {}
    return draft.assignment.people.get("addresses.billing", {})


def _are_named(contacts: Mapping[int, Mapping[str, Sequence[int]]]) -> bool:
    return any(own.get("first_name") or own.get("last_name") for own in contacts.values())


def _company(draft: TableDraft) -> Any:
    """The rule for the company's name: if it is blank, the person's name is used."""
    columns = draft.assignment.customer.get("company_name", [])
    person = _first_person(draft)
    names = dict.fromkeys(draft.headers[c] for name in ("first_name", "last_name") for c in person.get(name, ())[:1])
    instead = joined(list(names), " ") if names else None
    if not columns:
        return instead if instead is not None else draft.headers[draft.structure.key[0]]
    rule = first_of(_headers(draft, columns))
    if draft.values[columns[0]].share(lambda text: re.search(_CURRENCY, text) is not None) >= _SOME:
        rule = {**as_steps(rule), "as": [{"regex": [_CURRENCY, ""]}, "collapse"]}
    return rule if instead is None or draft.values[columns[0]].filled > _NEARLY else or_else(rule, instead)


def _with_conflict_rule(draft: TableDraft, name: str, rule: Any) -> Any:
    """The rule for one of the customer's own fields: if its rows differ, the first row counts."""
    if not draft.varying & set(draft.assignment.customer.get(name, ())):
        return rule
    return {**as_steps(rule), "conflict": "first"}


def address_entries(draft: TableDraft, table: Mapping[str, str], *, alone: bool) -> Iterator[dict[str, Any]]:
    """The addresses of a table. ``table``: its name, unless it is the main table; ``alone``: it is the only address."""
    main = next((group for group in draft.assignment.addresses if not group.partial), None)
    for group in draft.assignment.addresses:
        fields = _address(draft, group, main, joined_table=bool(table))
        if fields is None:
            continue
        if draft.structure.parents and not table and not group.role:
            yield from _of_parents(draft, fields)
            continue
        if group.flags:
            yield from _flagged(draft, group, {**table, **fields})
            continue
        if group.same is not None:
            same = _address(draft, group.same.address, main, joined_table=bool(table))
            yield from _referring(draft, group.slot, group.same, fields, same or {})
            continue
        yield {**table, "type": _type(draft, group, alone=alone, joined_table=bool(table)), **fields, **_typed(draft)}
        if _typed(draft):
            yield {**table, "type": ["billing", "shipping"], **fields, "when": _typed(draft, blank=True)["when"]}
        if group.also_for is not None:
            yield {**table, "type": group.also_for.slot, **fields, "when": is_blank(draft, group.also_for)}


def _referring(
    draft: TableDraft, slot: str | None, same: SameAddress, own: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """An address with the fields ``own``, or with those of the ``other`` address in the rows that refer to that."""
    header = draft.headers[same.column]
    not_same = {"any": [{"column": header, "is_not": same.texts}, {"column": header, "blank": True}]}
    for fields, condition in ((own, not_same), (other, {"column": header, "is": same.texts})):
        when = {"all": [fields["when"], condition]} if "when" in fields else condition
        yield {"type": slot, **fields, "when": when}


def _flagged(draft: TableDraft, group: AddressGroup, entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """An address with flags for its types, which say whether it is the default or may be used as that type."""
    flags = {role: draft.headers[column] for role, column in group.flags.items()}
    if all("main" in draft.readings[column].roles for column in group.flags.values()):
        yield {"type": {"flags": flags, "default": "shipping"}, **entry}
        return
    for role, flag in flags.items():
        yield {"type": role, **entry, "when": {"column": flag, "flag": True}}
    unsaid = [{"any": [{"column": flag, "flag": False}, {"column": flag, "blank": True}]} for flag in flags.values()]
    yield {"type": "shipping", **entry, "when": {"all": unsaid}}


def _of_parents(draft: TableDraft, fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row without a parent has the billing and shipping address; a row with a parent has an additional address."""
    own, further = _rows_of(draft)
    yield {"type": ["billing", "shipping"], **fields, "when": own}
    column = draft.assignment.address_type
    if column is None:
        yield {"type": "shipping", **fields, "when": further}
        return
    kinds = address_type(draft, column)
    typed = {"column": draft.headers[column], "is": list(kinds["values"])}
    yield {"type": {"from": kinds["from"], "values": kinds["values"]}, **fields, "when": {"all": [further, typed]}}


def _rows_of(draft: TableDraft) -> tuple[dict[str, Any], dict[str, Any]]:
    """The conditions that a row does not name a parent, and that it does."""
    columns = [draft.headers[column] for column, _ in draft.structure.parents]
    return are_blank(columns), is_filled(columns)


def _typed(draft: TableDraft, *, blank: bool = False) -> dict[str, Any]:
    """The condition on the column of types if it has gaps: an address without a type is used for both types."""
    column = draft.assignment.address_type
    if column is None or draft.values[column].blank or draft.values[column].filled == 1:
        return {}
    return {"when": {"column": draft.headers[column], "blank": blank}}


def _type(draft: TableDraft, group: AddressGroup, *, alone: bool, joined_table: bool) -> Any:
    """The type of an address, from its column or its group; if there is only one address, it is used for both types."""
    if draft.assignment.address_type is not None:
        return address_type(draft, draft.assignment.address_type)
    if group.types is not None:
        return {**address_type(draft, group.types), "otherwise": {"constant": group.slot}, "default": group.slot}
    if alone and group.role not in ("billing", "shipping"):
        return Noted(["billing", "shipping"], "the only address, so it is used for both")
    return "shipping" if joined_table and not group.role else group.slot


def _people_of_table(draft: TableDraft, *, joined_table: bool) -> Mapping[str, Sequence[int]]:
    """The columns of people and phones in a table of addresses, where they belong to the address."""
    if not joined_table or draft.people or len(draft.assignment.addresses) != 1:
        return {}
    given = draft.assignment
    people: dict[str, Sequence[int]] = dict(given.contacts.get(1, {}))
    return people | {name: given.customer[name] for name in ("phone", "email") if name in given.customer}


def _person_of_address(draft: TableDraft) -> Mapping[str, Sequence[int]]:
    """The columns of the addressee: the customer's person, if there is only one address."""
    if len(draft.assignment.addresses) > 1 or draft.structure.layout not in _OF_THE_CUSTOMER:
        return {}
    person = _first_person(draft)
    return {name: person[name] for name in ("first_name", "last_name") if name in person}


def _address(
    draft: TableDraft, group: AddressGroup, main: AddressGroup | None, *, joined_table: bool
) -> dict[str, Any] | None:
    """The fields of an address; None if it has no line."""
    people = draft.assignment.people.get(group.path) or _people_of_table(draft, joined_table=joined_table)
    person = {} if joined_table or people.keys() & {"first_name", "last_name"} else _person_of_address(draft)
    out = person_names(draft, {**people, **person})
    parts = {part: columns for part, columns in group.parts.items() if columns}
    if group.packed:
        names = _headers(draft, group.packed)
        out |= {"packed": names[0]} if len(names) == 1 else {"lines": names}
        out |= address_parts(draft, {part: columns for part, columns in parts.items() if part in group.beside})
    elif "line_1" not in parts:  # an address needs one; the country is for reading phone numbers
        return {"country": address_parts(draft, parts)["country"]} if "country" in parts else None
    elif group.partial and main is not None:
        town = {part: columns for part, columns in main.parts.items() if part not in ("line_1", "line_2")}
        out |= {"when": is_filled(_headers(draft, parts["line_1"][:1])), **address_parts(draft, town | parts)}
    else:
        out |= address_parts(draft, parts)
    written = [column for part in ("line_1", "city") for column in parts.get(part, ())[:1]]
    gaps = bool(people) and all(draft.values[column].filled < 1 for column in written)  # a person is not an address
    if written and (person or gaps):
        out |= {"when": is_filled(_headers(draft, [*group.packed, *written]))}
    if group.instead_of is not None:
        out["when"] = is_blank(draft, group.instead_of)
    out |= {name: draft.headers[people[name][0]] for name in ("phone", "email") if name in people}
    if draft.assignment.is_default is not None and len(draft.assignment.addresses) == 1:
        out["is_default"] = draft.headers[draft.assignment.is_default]
    return out


def contact_entries(draft: TableDraft, table: Mapping[str, str], *, elsewhere: bool) -> Iterator[dict[str, Any]]:
    """The contacts of a table; if there are none, the person of the billing or else the shipping address.

    ``elsewhere``: another table has the contacts, so a name in the customers' table only says which contact is first.
    """
    contacts = draft.assignment.contacts
    if elsewhere and not table and set().union(*contacts.values()) == {"first_name", "last_name"}:
        both = (set(own["first_name"]) & set(own["last_name"]) for own in contacts.values())
        contacts = contacts if not all(both) else {}
    if table and len(draft.assignment.addresses) == 1 and not draft.people:
        return  # people in a table of addresses belong to the address
    if not table and not _are_named(contacts):
        people = draft.assignment.people
        contacts = {1: {**people.get("addresses.billing", people.get("addresses.shipping", {})), **contacts.get(1, {})}}
    named = _are_named(contacts)
    if draft.structure.parents and not table and not named:
        yield _person_of_row(draft)
    for number, own in sorted(contacts.items()):
        columns = list(dict.fromkeys([*own.get("first_name", ()), *own.get("last_name", ())]))
        if not columns:
            continue
        condition = is_filled(_headers(draft, columns))
        if draft.structure.parents and not table:
            condition = {"all": [_rows_of(draft)[1], condition]}
        yield {**table, **_contact(draft, own, of_customer=number == min(contacts)), "when": condition}


def _person_of_row(draft: TableDraft) -> dict[str, Any]:
    """The contact of a row in a list of companies and their people: a row with a parent, unless it is an address."""
    company = draft.assignment.customer.get("company_name", [0])
    own = {**draft.assignment.contacts.get(1, {}), "first_name": company, "last_name": company}
    condition = _rows_of(draft)[1]
    if draft.assignment.address_type is not None:
        column = draft.headers[draft.assignment.address_type]
        typed = list(address_type(draft, draft.assignment.address_type)["values"])
        person = {"any": [{"column": column, "is_not": typed}, {"column": column, "blank": True}]}
        condition = {"all": [condition, person]}
    return {**_contact(draft, own, of_customer=True), "when": condition}


def _contact(draft: TableDraft, own: Mapping[str, Sequence[int]], *, of_customer: bool) -> dict[str, Any]:
    """A contact's fields. ``of_customer``: the customer's own phone and email address are used for the contact."""
    out = person_names(draft, own)
    for name in ("email", "phone"):
        columns = list(own.get(name, ()))
        if of_customer and (name == "phone" or not columns):
            columns += [column for column in draft.assignment.customer.get(name, ()) if column not in columns]
        if columns:
            out[name] = detail(draft, name, columns, of_person=True)
    if position := own.get("designation"):
        out["designation"] = draft.headers[position[0]]
    return out
