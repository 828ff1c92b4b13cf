"""What a draft makes of its tables: the content of a mapping file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from importer.drafting.address_parts import AddressGroup
from importer.drafting.concepts import NEVER
from importer.drafting.lexicon import lexicon
from importer.drafting.mapping_text import Noted
from importer.drafting.skip_rules import LEAVE_OUT, Question, SkipRule
from importer.drafting.table_draft import TableDraft

_WORTH_KEEPING = frozenset(
    {
        "website",
        "fax",
        "notes",
        "tax_number",
        "group",
        "language",
        "department",
        "other_number",
        "search_name",
        "company_name_2",
        "money",
    }
)
_WHY = {
    "tax_number": "a tax number", "money": "an amount", "date": "a date", "user": "a person who is no contact", "setting": "a setting",
    "salutation": "a form of address", "social": "a social network", "coordinates": "coordinates", "sensitive": "never sent",
    "tax_setting": "a tax setting", "payment_days": "a number of days", "middle_name": "a part of a name",
}  # fmt: skip
_TERMS = ("payment_term", "payment_mode", "freight_term", "shipping_method")
_LISTS = [",", ";"]


@dataclass
class Content:
    """A mapping's content, the questions that it assumes answers to, and why columns are left out."""

    mapping: dict[str, Any]
    questions: list[Question] = field(default_factory=list)


class Builder:
    """Builds the content from the drafts of tables, the main one first. ``answers``: question → choice."""

    def __init__(
        self,
        tables: Sequence[TableDraft],
        joins: Mapping[int, int],
        rules: Sequence[Sequence[SkipRule]],
        chosen: Mapping[str, str],
    ) -> None:
        self._tables = tables
        self._joins = joins
        self._rules = rules
        self._chosen = chosen
        self.main = tables[0]

    def content(self, title: str, country: str | None) -> dict[str, Any]:
        """The whole mapping."""
        out: dict[str, Any] = {"title": title}
        if country is not None:
            out["country"] = country
        several = len(self._tables) > 1
        tables = {self._table_name(at): self._table(at) for at in range(len(self._tables))}
        if several:
            out["tables"] = tables
        else:
            out.update(tables["customers"])
        ignored = out.pop("ignore", None)
        out["customer"] = self._customer()
        addresses = [entry for at in range(len(self._tables)) for entry in self._addresses(at)]
        contacts = [entry for at in range(len(self._tables)) for entry in self._contacts(at)]
        if addresses:
            out["addresses"] = addresses
        if contacts:
            out["contacts"] = contacts
        if ignored:
            out["ignore"] = ignored
        return out

    def _table_name(self, at: int) -> str:
        if at == 0:
            return "customers"
        given = self._tables[at].assignment
        kind = "addresses" if given.addresses else "contacts" if given.contacts else "others"
        earlier = [self._kind(other) for other in range(1, at)]
        return kind if kind not in earlier else f"{kind} {earlier.count(kind) + 1}"

    def _kind(self, at: int) -> str:
        given = self._tables[at].assignment
        return "addresses" if given.addresses else "contacts" if given.contacts else "others"

    def _table(self, at: int) -> dict[str, Any]:
        """Key, parent, rows to skip, and columns left out of one table."""
        draft = self._tables[at]
        headers, structure = draft.headers, draft.structure
        key = [headers[self._joins[at]]] if at else [headers[column] for column in structure.key]
        quoted = not at and len(key) == 1 and draft.values[structure.key[0]].quoted
        instead = structure.instead if not at else None
        out: dict[str, Any] = {"key": key[0] if len(key) == 1 else key}
        if quoted:
            out["key"] = {"from": key[0], "as": "unquote"}
        elif instead is not None:
            out["key"] = {"from": [key[0], headers[instead]], "take": "first"}
        if len(self._tables) > 1:
            out["has"] = self._telling(at)
        if structure.layout == "blank parent" and not at:
            out["blank_key"] = "above"
        if structure.parent is not None and structure.named is not None and not at:
            out["parent"] = {"from": headers[structure.parent], "match": [headers[structure.named]]}
        skip = []
        for rule in self._rules[at]:
            if self._chosen[rule.question.id] == LEAVE_OUT:
                skip.append(Noted(rule.condition, rule.question.text))
        if skip:
            out["skip"] = skip
        if ignored := self._ignored(
            at, [rule for rule in self._rules[at] if self._chosen[rule.question.id] == LEAVE_OUT]
        ):
            out["ignore"] = ignored
        return out

    def _telling(self, at: int) -> list[str]:
        """Columns that no other table has."""
        others = {header for other, draft in enumerate(self._tables) if other != at for header in draft.headers}
        own = [header for header in self._tables[at].headers if header not in others]
        return own[:2] or self._tables[at].headers[:2]

    def _ignored(self, at: int, rules: Sequence[SkipRule]) -> list[Any]:
        draft = self._tables[at]
        used = self._used(at) | {str(rule.condition["column"]) for rule in rules}
        out: list[Any] = []
        for column, header in enumerate(draft.headers):
            if header in used:
                continue
            concept = draft.readings[column].concept
            if draft.values[column].blank:
                why = "blank"
            elif concept in _WORTH_KEEPING:
                why = "no field for it; to keep it, send it as a custom attribute"
            else:
                why = _WHY.get(str(concept), "") if concept in NEVER else ""
            out.append(Noted(header, why) if why else header)
        return out

    def _used(self, at: int) -> set[str]:
        draft = self._tables[at]
        given, structure = draft.assignment, draft.structure
        columns: set[int] = {self._joins[at]} if at else set(structure.key)
        columns |= {
            c for c in (structure.parent, structure.named, structure.instead, given.address_type) if c is not None
        }
        for own in (given.customer if not at else {}).values():
            columns |= set(own)
        for group in given.addresses:
            columns |= set(group.packed)
            if not group.packed or group.parts.get("country"):
                columns |= {c for part, cs in group.parts.items() for c in cs if not group.packed or part == "country"}
            columns |= {c for cs in given.people.get(group.path, {}).values() for c in cs}
        for contact in given.contacts.values():
            columns |= {c for cs in contact.values() for c in cs}
        columns |= {column for group in given.addresses for column in group.flags.values()}
        if given.is_default is not None:
            columns.add(given.is_default)
        return {draft.headers[column] for column in columns}

    # The customer's own fields

    def _customer(self) -> dict[str, Any]:
        given = self.main.assignment.customer
        person = self._person()
        out: dict[str, Any] = {"company_name": self._varying("company_name", self._company(person))}
        key = self.main.structure.key
        of_customer = len(key) == 1 and self.main.assignment.readings[key[0]].concept == "customer_number"
        if "display_id" not in given and of_customer:
            out["display_id"] = self.main.headers[key[0]]
        if "display_id" in given:
            out["display_id"] = self._varying("display_id", self._one(given["display_id"]))
        if "display_name" in given:
            out["display_name"] = self._varying("display_name", self._one(given["display_name"]))
        if person is not None and self.main.structure.layout in ("wide", "numbered groups", "packed"):
            out.update(person)
        for name in ("phone", "email"):
            if name in given:
                out[name] = self._varying(name, self._detail(name, given[name]))
        for name in _TERMS:
            if name in given:
                out[name] = self._varying(name, self._one(given[name]))
        if "assigned_sales_rep_ids" in given:
            out["assigned_sales_rep_ids"] = self._varying(
                "assigned_sales_rep_ids",
                {
                    "from": self._name(given["assigned_sales_rep_ids"][0]),
                    "split": [*_LISTS, "/"],
                    "take": "all",
                    "lookup": "sales_rep",
                    "invalid": "blank",
                },
            )
        if "assigned_price_list_id" in given:
            out["assigned_price_list_id"] = self._varying(
                "assigned_price_list_id",
                {"from": self._name(given["assigned_price_list_id"][0]), "lookup": "price_list", "invalid": "blank"},
            )
        return out

    def _name(self, column: int) -> str:
        return self.main.headers[column]

    def _person(self) -> dict[str, Any] | None:
        """First and last name of the first contact, as the customer's own."""
        contact = self._first_contact()
        found = {
            name: rule for name, rule in self._names(self.main, contact).items() if name in ("first_name", "last_name")
        }
        return found or None

    def _first_contact(self) -> Mapping[str, Sequence[int]]:
        contacts = self.main.assignment.contacts
        if contacts:
            return contacts[min(contacts)] if min(contacts) <= 1 else {}
        return self.main.assignment.people.get("addresses.billing", {})

    def _company(self, person: dict[str, Any] | None) -> Any:
        """The company; where it is blank, the person's name."""
        columns = self.main.assignment.customer.get("company_name", [])
        contact = self._first_contact()
        names: list[str] = []
        for name in ("first_name", "last_name"):
            for column in contact.get(name, ())[:1]:
                if self._name(column) not in names:
                    names.append(self._name(column))
        fallback: Any = {"from": names, "join": " "} if len(names) > 1 else names[0] if names else None
        if not columns:
            return fallback if fallback is not None else self._name(self.main.structure.key[0])
        rule = self._one(columns)
        full = self.main.values[columns[0]].filled > 0.999
        if full or fallback is None:
            return rule
        base = {"from": rule} if isinstance(rule, str) else rule
        return {**base, "else": fallback}

    def _one(self, columns: Sequence[int]) -> Any:
        names = [self._name(column) for column in columns]
        return names[0] if len(names) == 1 else {"from": names, "take": "first"}

    def _detail(self, name: str, columns: Sequence[int]) -> Any:
        names = [self._name(column) for column in columns]
        if name == "email":
            return {"from": names if len(names) > 1 else names[0], "split": _LISTS, "take": "first"}
        return names[0] if len(names) == 1 else {"from": names, "take": "first"}

    def _varying(self, name: str, rule: Any) -> Any:
        """Where rows of one customer differ in a field of its own, the first one counts."""
        columns = self.main.assignment.customer.get(name, ())
        if not any(column in self.main.varying for column in columns):
            return rule
        return {**({"from": rule} if isinstance(rule, str) else rule), "conflict": "first"}

    # Addresses

    def _addresses(self, at: int) -> list[Any]:
        draft = self._tables[at]
        given = draft.assignment
        table = {"table": self._table_name(at)} if at else {}
        entries: list[Any] = []
        plain = next((group for group in given.addresses if not group.partial), None)
        for group in given.addresses:
            entry = self._address(draft, group, plain)
            if entry is None:
                continue
            for kind in self._types(at, draft, group):
                entries.append({**table, "type": kind, **entry})
            if group.flags:
                entries[-1]["when"] = {
                    "any": [{"column": draft.headers[own], "flag": True} for own in group.flags.values()]
                }
                neither = [{"column": draft.headers[own], "flag": False} for own in group.flags.values()]
                entries.append({**table, "type": "shipping", **entry, "when": {"all": neither}})
            if group.also_for is not None:
                entries.append({**table, "type": "shipping", **entry, "when": _blank(draft, group.also_for)})
        return entries

    def _types(self, at: int, draft: TableDraft, group: AddressGroup) -> list[Any]:
        """The type of an address: from its column, from flags, or by its group; a single one serves for both."""
        given = draft.assignment
        if given.address_type is not None:
            return [_type_rule(draft, given.address_type)]
        if group.flags:
            return [{"flags": {role: draft.headers[column] for role, column in group.flags.items()}}]
        everywhere = [one for other in self._tables for one in other.assignment.addresses]
        if len(everywhere) == 1 and group.role not in ("billing", "shipping"):
            return [Noted(["billing", "shipping"], "the only address, so it serves for both")]
        if at and not group.role:
            return ["shipping"]
        return [group.slot]

    def _address(self, draft: TableDraft, group: AddressGroup, plain: AddressGroup | None) -> dict[str, Any] | None:
        names = draft.headers
        people = draft.assignment.people.get(group.path, {})
        entry: dict[str, Any] = {}
        if group.packed:
            if len(group.packed) == 1:
                entry["packed"] = names[group.packed[0]]
            else:
                entry["lines"] = [names[column] for column in group.packed]
            if group.parts.get("country"):
                entry["country"] = names[group.parts["country"][0]]
        else:
            parts = dict(group.parts)
            if group.partial and plain is not None:
                parts = {
                    **{part: plain.parts[part] for part in plain.parts if part not in ("line_1", "line_2")},
                    **{p: c for p, c in parts.items() if c},
                }
                entry["when"] = {"column": names[parts["line_1"][0]], "blank": False}
            if not parts.get("line_1") and not parts.get("city"):
                return None
            entry.update(_parts_of(names, parts, draft))
        if group.instead_of is not None:
            entry["when"] = _blank(draft, group.instead_of)
        entry = {**self._names(draft, people), **entry}
        for name in ("phone", "email"):
            if name in people:
                entry[name] = names[people[name][0]]
        if draft.assignment.is_default is not None and len(draft.assignment.addresses) == 1:
            entry["is_default"] = names[draft.assignment.is_default]
        return entry

    def _names(self, draft: TableDraft, own: Mapping[str, Sequence[int]]) -> dict[str, Any]:
        """First and last name, from columns of their own or from one with the whole name."""
        out: dict[str, Any] = {}
        for name in ("first_name", "last_name"):
            rules = []
            for column in own.get(name, ()):
                whole = draft.readings[column].concept == "full_name" or (
                    column in own.get("first_name", ()) and column in own.get("last_name", ())
                )
                rules.append({"from": draft.headers[column], "as": name} if whole else draft.headers[column])
            if rules:
                plain = [rule for rule in rules if isinstance(rule, str)]
                first = plain[0] if plain else rules[0]
                rest = [rule for rule in rules if rule is not first]
                out[name] = {"from": first, "else": rest[0]} if rest and isinstance(first, str) else first
        return out

    # Contacts

    def _contacts(self, at: int) -> list[Any]:
        draft = self._tables[at]
        given = draft.assignment
        entries = []
        for number, own in sorted(given.contacts.items()):
            names = self._names(draft, own)
            if not names:
                continue
            entry: dict[str, Any] = {"table": self._table_name(at)} if at else {}
            entry.update(names)
            email, phone = list(own.get("email", ())), list(own.get("phone", ()))
            if number == min(given.contacts):
                email = email or list(given.customer.get("email", ()))
                phone = phone + [column for column in given.customer.get("phone", ()) if column not in phone]
            if email:
                entry["email"] = self._detail_of(draft, "email", email)
            if phone:
                entry["phone"] = self._detail_of(draft, "phone", phone)
            if own.get("designation"):
                entry["designation"] = draft.headers[own["designation"][0]]
            filled = [
                {"column": draft.headers[column], "blank": False}
                for column in dict.fromkeys([*own.get("first_name", ()), *own.get("last_name", ())])
            ]
            entry["when"] = filled[0] if len(filled) == 1 else {"any": filled}
            if draft.structure.parent is not None and not at:
                entry["when"] = {
                    "all": [{"column": draft.headers[draft.structure.parent], "blank": False}, entry["when"]]
                }
            entries.append(entry)
        return entries or self._people_of_addresses(at)

    def _people_of_addresses(self, at: int) -> list[Any]:
        """Where there are no other contacts, the person of the billing address is one."""
        draft = self._tables[at]
        own = draft.assignment.people.get("addresses.billing", {})
        names = {} if at else self._names(draft, own)
        if not names:
            return []
        columns = own.get("first_name", own.get("last_name", ()))
        given = draft.assignment.customer
        entry = dict(names)
        for name in ("email", "phone"):
            if name in given:
                entry[name] = self._detail_of(draft, name, given[name])
        return [{**entry, "when": {"column": draft.headers[columns[0]], "blank": False}}]

    def _detail_of(self, draft: TableDraft, name: str, columns: Sequence[int]) -> Any:
        names = [draft.headers[column] for column in columns]
        source: Any = names if len(names) > 1 else names[0]
        if name == "email":
            return {"from": source, "split": _LISTS, "take": "first"}
        return source if isinstance(source, str) else {"from": source, "take": "first"}


def _blank(draft: TableDraft, group: AddressGroup) -> dict[str, Any]:
    """The condition that an address is blank."""
    columns = group.packed or [column for part in ("line_1", "city") for column in group.parts.get(part, ())[:1]]
    blank = [{"column": draft.headers[column], "blank": True} for column in columns]
    return blank[0] if len(blank) == 1 else {"all": blank}


def _parts_of(names: Sequence[str], parts: Mapping[str, Sequence[int]], draft: TableDraft) -> dict[str, Any]:
    """The fields of an address whose parts have columns of their own."""
    out: dict[str, Any] = {}
    lines = [names[column] for column in parts.get("line_1", ())]
    number = [names[column] for column in parts.get("house_number", ())]
    if lines and number:
        street = next((names[c] for c in parts["line_1"] if draft.readings[c].concept == "street"), lines[0])
        joined: dict[str, Any] = {"from": [street, number[0]], "join": " "}
        others = [line for line in lines if line != street]
        out["address_line_1"] = joined if not others else {**joined, "else": others[0]}
    elif lines:
        out["address_line_1"] = lines[0] if len(lines) == 1 else {"from": lines, "take": "first"}
    second = [names[column] for column in parts.get("line_2", ())]
    if second:
        out["address_line_2"] = second[0] if len(second) == 1 else {"from": second, "join": ", "}
    for part in ("city", "state", "zip_code", "country"):
        columns = [names[column] for column in parts.get(part, ())]
        if columns:
            out[part] = columns[0] if len(columns) == 1 else {"from": columns, "take": "first"}
    return out


def _type_rule(draft: TableDraft, column: int) -> Any:
    """The type of each address by the words of its column; other words are billing addresses."""
    words = lexicon()
    values = {}
    for text in draft.values[column].texts:
        for kind in ("billing", "shipping"):
            if words.is_cell(text, kind):
                values[text] = kind
    return {
        "from": draft.headers[column],
        "values": values or {"billing": "billing", "shipping": "shipping"},
        "otherwise": {"constant": "billing"},
        "default": "billing",
    }
