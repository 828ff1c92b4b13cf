"""The model of a mapping file: everything a mapping can say, checked strictly.

A mapping is read from YAML as plain text (``mapping_files``). Short forms are turned into long ones here, so that the
rest of the program sees one form only. The reference in ``mappings/README.md`` says what each key means.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, create_model, model_validator

from importer.catalogue import CODES, near
from importer.catalogue.field_names import ADDRESS_PARTS, part_column
from importer.mapping.language.mapping_rules import (
    ALTERNATIVE,
    NUMBER,
    TYPES,
    Condition,
    FieldRule,
    FieldSpec,
    OtherColumn,
    Strict,
    TableRule,
    TextList,
    TypeSpec,
    YesNo,
    alternatives,
    error_at,
    require_one_value,
)
from importer.mapping.transforms.countries import country_code
from importer.mapping.transforms.registry import read_flag
from importer.records import Severity
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, Entity

# At the top of a mapping with one table.
ONE_TABLE = ("key", "blank_key", "parent", "columns", "skip", "two_headers", "ignore")
_EMAIL = ("severity", "contact_without_email")
_LONGEST_NAME = 255  # characters of an attribute's name
_ONLY_FOR = {  # a key of a field's rule → the only fields that may have it
    "lookup": ("assigned_sales_rep_ids", "assigned_price_list_id"),
    "flags": ("type",),
    "extension_to": ("phone",),
}


class _Section(Strict):
    """The fields of one record; the subclasses have one key for each field of the API, in the API's order."""

    attributes: dict[str, FieldSpec] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"pattern": r"\S", "maxLength": _LONGEST_NAME}}
    )
    optional: YesNo = False

    def fields(self) -> dict[str, FieldRule]:
        """Target field → rule, in the API's order; attributes last as ``attributes.<name>``."""
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        named = {name: value for name, value in values if isinstance(value, FieldRule)}
        return named | {f"attributes.{name}": rule for name, rule in self.attributes.items()}

    def attribute_names(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the name of every attribute that the section fills, and its place."""
        yield from ((name, ("attributes", name)) for name in self.attributes)
        phone = getattr(self, "phone", None)
        if phone is not None and phone.extension_to is not None:
            yield phone.extension_to, ("phone", "extension_to")

    @model_validator(mode="after")
    def _attributes_have_names(self) -> Self:
        for name, place in self.attribute_names():
            if not name.strip():
                raise error_at("an attribute needs a name", *place)
            if len(name) > _LONGEST_NAME:
                raise error_at(f"the name has {len(name)} characters; at most {_LONGEST_NAME} are allowed", *place)
        return self

    @model_validator(mode="after")
    def _rules_fit_fields(self) -> Self:
        for name, rule in self.fields().items():
            place = tuple(name.split(".", 1))
            for key, fields in _ONLY_FOR.items():
                if getattr(rule, key) is not None and name not in fields:
                    raise error_at(f"is for {' and '.join(fields)} only", *place, key)
            if rule.clear_when_blank and not isinstance(self, CustomerEntry):
                raise error_at("is for a customer's own fields only", *place, "clear_when_blank")
            if rule.clear_when_blank and name in {"reference_id", "company_name"}:
                raise error_at("cannot be used for a required field", *place, "clear_when_blank")
            for text in rule.targets() if name == "is_default" else ():
                if read_flag(text) is None:
                    raise error_at(f"must be yes or no, not {text!r}", *place)
            if name != "assigned_sales_rep_ids":
                require_one_value(rule, place, several_types=name == "type")
        return self


def _section_of(name: str, fields: tuple[str, ...]) -> Any:
    """A section with one key for each of the API's fields."""
    keys: dict[str, Any] = {field: ((TypeSpec if field == "type" else FieldSpec) | None, None) for field in fields}
    return create_model(name, __base__=_Section, **keys)


_CustomerFields = _section_of("_CustomerFields", CUSTOMER_FIELDS)
_AddressFields = _section_of("_AddressFields", ADDRESS_FIELDS)
_ContactFields = _section_of("_ContactFields", CONTACT_FIELDS)


class CustomerEntry(_CustomerFields):  # type: ignore[misc,valid-type]  # the base is made from a list of fields
    """The customer's own fields."""

    @model_validator(mode="after")
    def _has_name(self) -> Self:
        if self.company_name is None:
            raise error_at("company_name is missing: WizCommerce requires it", "company_name")
        for name, rule in self.fields().items():
            if rule.numbered:
                raise error_at("{n} is for addresses and contacts with repeat only", *name.split(".", 1))
            if any(any(condition.across_tables()) for condition in rule.conditions()):
                text = "only addresses and contacts can look at the rows of another table"
                raise error_at(text, *name.split(".", 1), "when")
        return self


def _country(code: str) -> str:
    meant = country_code(code)
    if meant != code:
        raise ValueError(f"{code!r} is not a country code{f'; did you mean {meant}?' if meant else ''}")
    return code


def _repeat(value: Any) -> Any:
    match = re.fullmatch(r"(\d+)\s*\.\.\s*(\d+)", str(value).strip())
    if match is None or int(match[1]) > int(match[2]) or int(match[2]) - int(match[1]) > 999:
        raise ValueError("`repeat` must be a range such as 1..5")
    return tuple(range(int(match[1]), int(match[2]) + 1))


_Repeat = Annotated[tuple[int, ...], BeforeValidator(_repeat), WithJsonSchema({"form": "repeat"})]


class _Child(_Section):
    table: str | None = None
    repeat: _Repeat | None = None
    when: Condition | None = None
    on_error: Literal["reject", "drop_child"] = "reject"

    @property
    def cells(self) -> tuple[str, ...]:
        """The columns of an address whose parts have no columns of their own."""
        return ()

    def across_tables(self) -> Iterator[tuple[Condition, OtherColumn]]:
        """Yield every condition of the entry that compares with a column of another table, and that column."""
        conditions = [] if self.when is None else [self.when]
        conditions += [condition for rule in self.fields().values() for condition in rule.conditions()]
        for condition in conditions:
            yield from condition.across_tables()

    def numbers(self) -> tuple[str, ...]:
        """The numbers that replace ``{n}``, one after the other; one empty text without ``repeat``."""
        return tuple(map(str, self.repeat)) if self.repeat else ("",)

    @model_validator(mode="after")
    def _numbers_are_used(self) -> Self:
        numbered = any(rule.numbered for rule in self.fields().values()) or any(NUMBER in name for name in self.cells)
        if (self.repeat is not None) != numbered:
            raise ValueError("`repeat` must be used together with {n} in a column name or with take: '{n}'")
        return self


class AddressEntry(_Child, _AddressFields):  # type: ignore[misc,valid-type]  # as above
    """One way in which a row gives an address. With ``packed`` or ``lines``, fields not given are taken from these."""

    label: str | None = None
    packed: str | None = None
    lines: Annotated[TextList, Field(min_length=2)] | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The columns that are split into parts."""
        return (self.packed,) if self.packed is not None else tuple(self.lines or ())

    @model_validator(mode="after")
    def _has_type(self) -> Self:
        if self.packed is not None and self.lines is not None:
            raise error_at("packed (one cell) and lines (a cell for each line) cannot be combined", "lines")
        if self.type is None:
            raise error_at("an address needs a type, such as type: billing", "type")
        for value in self.type.targets():
            if value not in TYPES:
                raise error_at(f"must be billing or shipping, not {value!r}", "type")
        return self


class ContactEntry(_Child, _ContactFields):  # type: ignore[misc,valid-type]  # as above
    """One way in which a row gives a contact."""


ChildEntry = AddressEntry | ContactEntry


class Mapping(Strict):
    """A whole mapping file. With one table, the keys of ``ONE_TABLE`` are at the top instead of under ``tables``."""

    extends: str | None = None
    title: str
    description: str = ""
    export: str = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$"), AfterValidator(_country)] | None = None
    tables: dict[str, TableRule] = Field(min_length=1)
    customer: CustomerEntry
    addresses: list[AddressEntry] = Field(default_factory=list)
    contacts: list[ContactEntry] = Field(default_factory=list)
    blanks: TextList | None = None
    word_table: Annotated[str, Field(min_length=1)] | None = None
    contact_email: Literal["optional", "required"] = "optional"
    severity: Annotated[dict[str, Severity], WithJsonSchema({"form": "severity"})] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _one_table(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("a mapping must be a table of keys")  # noqa: TRY004 - pydantic reads ValueError
        short = {name: data[name] for name in ONE_TABLE if name in data}
        if "tables" in data:
            if short:
                raise ValueError(f"with tables, {', '.join(short)} belongs to each table")
            return data
        return {**{k: v for k, v in data.items() if k not in short}, "tables": {"customers": short}}

    @model_validator(mode="after")
    def _refers_to_tables(self) -> Self:
        for name, rule in self.tables.items():
            if rule.parent is not None and name != self.main_table:
                raise error_at(f"is for the table with the customers only, {self.main_table}", "tables", name, "parent")
        for place, section in self._sections():
            if isinstance(section, ChildEntry) and section.table not in {None, *self.tables}:
                tables = ", ".join(self.tables)
                raise error_at(f"there is no table {section.table!r}, only {tables}", *place, "table")
            for _, other in section.across_tables() if isinstance(section, ChildEntry) else ():
                if other.table not in self.tables:
                    raise error_at(f"there is no table {other.table!r}, only {', '.join(self.tables)}", *place)
        return self

    @model_validator(mode="after")
    def _severities_fit(self) -> Self:
        for name in self.severity:
            if name not in CODES:
                meant = near(name)
                guess = f"did you mean {meant!r}?" if meant else "`importer explain` lists all"
                raise error_at(f"no problem has this code; {guess}", "severity", name)
            if CODES[name].locked:
                raise error_at(f"its severity cannot be changed: {CODES[name].locked}", "severity", name)
        own = self.severity.get(_EMAIL[1], Severity.ERROR)
        if self.contact_email == "required" and own is not Severity.ERROR:
            raise error_at(
                "conflicts with contact_email: required, which makes this an error; use only one of them", *_EMAIL
            )
        return self

    @model_validator(mode="after")
    def _attributes_differ(self) -> Self:
        """For WizCommerce, two names that differ only in case may be one, and one value would replace the other."""
        seen: dict[tuple[str | int, str], str] = {}
        for where, section in self._sections():
            for name, place in section.attribute_names():
                key = " ".join(unicodedata.normalize("NFC", name).split()).casefold()
                other = seen.setdefault((where[0], key), name)
                if other != name:
                    text = f"{name!r} and {other!r} differ only in case or spaces: write both the same way, or drop one"
                    raise error_at(text, *where, *place)
        return self

    def sections(self) -> Iterator[tuple[Entity, Any]]:
        """Yield the customer, each address, and each contact, with the kind of its records."""
        yield "customer", self.customer
        yield from (("address", entry) for entry in self.addresses)
        yield from (("contact", entry) for entry in self.contacts)

    def _sections(self) -> Iterator[tuple[tuple[str | int, ...], _Section]]:
        """Yield the customer, each address and each contact, with the keys that lead to it."""
        yield ("customer",), self.customer
        yield from ((("addresses", number), entry) for number, entry in enumerate(self.addresses))
        yield from ((("contacts", number), entry) for number, entry in enumerate(self.contacts))

    @property
    def needs_contact_email(self) -> bool:
        """True when a contact without an email address is an error."""
        return self.contact_email == "required" or self.severity.get(_EMAIL[1]) is Severity.ERROR

    @property
    def main_table(self) -> str:
        """The table whose rows make the customers: the first."""
        return next(iter(self.tables))

    def children(self) -> list[ChildEntry]:
        """All child entries: addresses, then contacts."""
        return [*self.addresses, *self.contacts]

    @property
    def two_headers(self) -> bool:
        """True when any table may have a second header row."""
        return any(rule.two_headers for rule in self.tables.values())

    def header_hints(self) -> tuple[frozenset[str], ...]:
        """Per table every column name that the mapping mentions, each alternative by itself, to find headers."""
        return tuple(
            frozenset(name for reference, _ in self.references(table) for name in alternatives(reference))
            for table in self.tables
        )

    def references(self, table: str) -> Iterator[tuple[str, bool]]:
        """Yield every column reference to a table (``{n}`` filled in), and whether its column may be absent."""
        rule = self.tables[table]
        for part in rule.key:
            yield from part.references(optional=False)
        if rule.parent is not None:
            yield from rule.parent.references()
        for skip in rule.skip:
            yield from skip.references()
        if table == self.main_table:
            yield from _field_references(self.customer, "")
        for entry in self.children():
            for number in entry.numbers():
                if (entry.table or self.main_table) == table:
                    yield from _child_references(entry, number)
                for condition, other in entry.across_tables():
                    if other.table == table:
                        yield other.column.replace(NUMBER, number), condition.optional or entry.optional

    def labels(self, table: str) -> Iterator[str]:
        """Yield every reference to a column of a table that names addresses, which is reported only."""
        for entry in self.addresses:
            if (entry.table or self.main_table) == table and entry.label is not None:
                yield from (entry.label.replace(NUMBER, number) for number in entry.numbers())

    def address_parts(self, table: str) -> Iterator[str]:
        """Yield every reference to a column of a table that has one part of an address to be split."""
        for entry in self.addresses:
            if (entry.table or self.main_table) == table:
                for number, field in product(entry.numbers(), ADDRESS_PARTS):
                    yield from (part.replace(NUMBER, number) for part in part_references(entry.cells, field))

    def repeated(self, table: str) -> Iterator[list[frozenset[str]]]:
        """Yield for each repeated group of a table the references that hold its number, by number."""
        for entry in self.children():
            if (entry.table or self.main_table) == table and entry.repeat is not None:
                shared = {reference for reference, _ in _child_references(entry, "")}
                yield [
                    frozenset(reference for reference, _ in _child_references(entry, number)) - shared
                    for number in entry.numbers()
                ]


def part_references(cells: Sequence[str], field: str) -> list[str]:
    """References to the columns that say one part of an address, which the program adds to rows that it gives back."""
    return [ALTERNATIVE.join(part_column(name, field) for name in alternatives(cell)) for cell in cells]


def _child_references(entry: ChildEntry, number: str) -> Iterator[tuple[str, bool]]:
    yield from _field_references(entry, number)
    cells = [column.replace(NUMBER, number) for column in entry.cells]
    if cells:
        yield ALTERNATIVE.join(cells), entry.optional
    yield from ((column, True) for column in cells if len(cells) > 1)
    if isinstance(entry, AddressEntry) and entry.label is not None:
        yield entry.label.replace(NUMBER, number), entry.optional
    if entry.when is not None:
        yield from entry.when.numbered(number).references()


def _field_references(section: _Section, number: str) -> Iterator[tuple[str, bool]]:
    for rule in section.fields().values():
        for column, optional in rule.references(optional=section.optional):
            yield column.replace(NUMBER, number), optional
