"""The mapping file's model: everything a mapping can say, checked strictly.

A mapping is read from YAML as plain text (``mapping.files``); the short forms of the language are turned into their
long ones here, so that everything downstream sees one form only.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, create_model, model_validator

from importer.catalogue import CODES, near
from importer.mapping.language.mapping_rules import (
    ALTERNATIVE,
    NUMBER,
    Condition,
    FieldRule,
    FieldSpec,
    SkipRule,
    Steps,
    Strict,
    TextList,
    YesNo,
    alternatives,
    as_list,
    fault,
    one_value,
)
from importer.mapping.transforms.registry import read_flag
from importer.records import Severity
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS

__all__ = [
    "ONE_TABLE",
    "AddressEntry",
    "ChildEntry",
    "ContactEntry",
    "CustomerEntry",
    "Mapping",
    "ParentRule",
    "TableRule",
]

_EMAIL = ("severity", "contact_without_email")
ONE_TABLE = (
    "key",
    "blank_key",
    "parent",
    "skip",
    "two_headers",
    "ignore",
)  # stand at the top of a mapping that has one table


_LONGEST_NAME = 255  # characters of an attribute's name


class _Section(Strict):
    attributes: dict[str, FieldSpec] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"pattern": r"\S", "maxLength": _LONGEST_NAME}}
    )
    optional: YesNo = False

    def fields(self) -> dict[str, FieldRule]:
        """Target field → rule, in the API's order; attributes last as ``attributes.<name>``."""
        named = {name: getattr(self, name) for name in self._names() if getattr(self, name) is not None}
        return named | {f"attributes.{name}": rule for name, rule in self.attributes.items()}

    def _names(self) -> tuple[str, ...]:
        raise AssertionError  # each section lists its own

    def attribute_names(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The name of every attribute that the section fills, and its place."""
        yield from ((name, ("attributes", name)) for name in self.attributes)
        phone = getattr(self, "phone", None)
        if phone is not None and phone.extension_to is not None:
            yield phone.extension_to, ("phone", "extension_to")

    @model_validator(mode="after")
    def _attributes_have_names(self) -> Self:
        for name, place in self.attribute_names():
            if not name.strip():
                raise fault("an attribute needs a name", *place)
            if len(name) > _LONGEST_NAME:
                raise fault(f"the name has {len(name)} characters, {_LONGEST_NAME} are the most", *place)
        return self

    @model_validator(mode="after")
    def _rules_fit_fields(self) -> Self:
        for name, rule in self.fields().items():
            place = ("attributes", name.removeprefix("attributes.")) if name.startswith("attributes.") else (name,)
            if rule.lookup and name not in {"assigned_sales_rep_ids", "assigned_price_list_id"}:
                raise fault("lookup belongs to assigned_sales_rep_ids or assigned_price_list_id", *place, "lookup")
            if rule.flags is not None and name != "type":
                raise fault("flags belongs to type", *place, "flags")
            if rule.clear_when_blank and not isinstance(self, CustomerEntry):
                raise fault("belongs to a customer's own fields", *place, "clear_when_blank")
            if rule.clear_when_blank and name in {"reference_id", "company_name"}:
                raise fault("does not go with a field that every customer has", *place, "clear_when_blank")
            if rule.extension_to and name != "phone":
                raise fault("extension_to belongs to phone", *place, "extension_to")
            if name == "is_default":
                _says_yes_or_no(rule, place)
            if name != "assigned_sales_rep_ids":
                one_value(rule, place, several_types=name == "type")
        return self


def _says_yes_or_no(rule: FieldRule, place: tuple[str, ...]) -> None:
    """Raise for a text of the mapping's own that does not say whether a child is the default."""
    for text in rule.targets():
        if read_flag(text) is None:
            raise fault(f"is yes or no, not {text!r}", *place)


def _section_of(name: str, fields: tuple[str, ...]) -> Any:
    """A section with one key for each of the API's fields."""
    keys: dict[str, Any] = dict.fromkeys(fields, (FieldSpec | None, None))
    return create_model(name, __base__=_Section, **keys)


_CustomerFields = _section_of("_CustomerFields", CUSTOMER_FIELDS)
_AddressFields = _section_of("_AddressFields", ADDRESS_FIELDS)
_ContactFields = _section_of("_ContactFields", CONTACT_FIELDS)


class CustomerEntry(_CustomerFields):  # type: ignore[misc,valid-type]  # the base is made from the API's list of fields
    """The customer's own fields."""

    def _names(self) -> tuple[str, ...]:
        return CUSTOMER_FIELDS

    @model_validator(mode="after")
    def _has_name(self) -> Self:
        if self.company_name is None:
            raise ValueError("company_name is missing: the API requires it")
        for name, rule in self.fields().items():
            if rule.numbered:
                raise fault("{n} belongs to addresses and contacts with repeat", *name.split(".", 1))
        return self


def _repeat(value: Any) -> Any:
    match = re.fullmatch(r"(\d+)\s*\.\.\s*(\d+)", str(value).strip())
    if match is None or int(match[1]) > int(match[2]) or int(match[2]) - int(match[1]) > 999:
        raise ValueError("repeat is a range such as 1..5")
    return tuple(range(int(match[1]), int(match[2]) + 1))


class _Child(Strict):
    table: str | None = None
    repeat: Annotated[tuple[int, ...], BeforeValidator(_repeat, json_schema_input_type=str)] | None = None
    when: Condition | None = None
    on_error: Literal["reject", "drop_child"] = "reject"

    @property
    def cells(self) -> tuple[str, ...]:
        """The columns of an address whose parts have no columns of their own."""
        return ()

    def numbers(self) -> tuple[str, ...]:
        """What ``{n}`` stands for, one after the other; one empty text without ``repeat``."""
        return tuple(map(str, self.repeat)) if self.repeat else ("",)

    @model_validator(mode="after")
    def _numbers_are_used(self) -> Self:
        fields: dict[str, FieldRule] = self.fields()  # type: ignore[attr-defined]  # from the section it is mixed into
        numbered = any(rule.numbered for rule in fields.values()) or any(NUMBER in column for column in self.cells)
        if (self.repeat is not None) != numbered:
            raise ValueError("repeat and column names with {n} go together; or take: '{n}'")
        return self


class AddressEntry(_Child, _AddressFields):  # type: ignore[misc,valid-type]  # as above
    """One way in which a row gives an address.

    ``packed``: a column that holds a whole address; ``lines``: columns that hold its lines, nobody knows which is
    which. Fields that are not given are taken from them.
    """

    packed: str | None = None
    lines: Annotated[TextList, Field(min_length=2)] | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The columns that are taken apart."""
        return (self.packed,) if self.packed is not None else tuple(self.lines or ())

    @model_validator(mode="after")
    def _packed_once(self) -> Self:
        if self.packed is not None and self.lines is not None:
            raise fault("packed (one cell) and lines (a cell for each line) exclude each other", "lines")
        return self

    def _names(self) -> tuple[str, ...]:
        return ADDRESS_FIELDS

    @model_validator(mode="after")
    def _has_type(self) -> Self:
        if self.type is None:
            raise ValueError("an address needs a type, e.g. type: {constant: billing}")
        for value in self.type.targets():
            if value not in {"billing", "shipping"}:
                raise fault(f"is billing or shipping, not {value!r}", "type")
        return self


class ContactEntry(_Child, _ContactFields):  # type: ignore[misc,valid-type]  # as above
    """One way in which a row gives a contact."""

    def _names(self) -> tuple[str, ...]:
        return CONTACT_FIELDS


ChildEntry = AddressEntry | ContactEntry


KeyFields = Annotated[list[FieldSpec], BeforeValidator(as_list, json_schema_input_type=FieldSpec | list[FieldSpec])]


def _compared(rules: Sequence[FieldRule], name: str) -> None:
    """Raise for a rule of ``name`` that does not give one text of the file to be compared."""
    for number, rule in enumerate(rules):
        place: tuple[str | int, ...] = (name, number)
        if rule.from_ is None or rule.default is not None or rule.lookup is not None or rule.take == NUMBER:
            raise fault(f"a {name} comes from columns, and has neither default nor lookup nor {NUMBER}", *place)
        one_value(rule, place)


class ParentRule(Strict):
    """Rows that belong to another row of the same table, which they name; the others are the customers.

    ``from``: the column that names it (of several the first that is filled). ``match``: the columns by which rows may
    be named.
    """

    from_: TextList = Field(alias="from", min_length=1)
    as_: Steps | None = Field(None, alias="as")
    match: KeyFields = Field(min_length=1)

    @model_validator(mode="after")
    def _match_is_read(self) -> Self:
        _compared(self.match, "match")
        return self

    @property
    def field(self) -> FieldRule:
        """How the parent's name is read."""
        return FieldRule.model_validate({"from": self.from_, "as": self.as_, "take": "first"})

    def references(self) -> Iterator[tuple[str, bool]]:
        """Every column reference, and whether its column may be absent: one of each list must be there."""
        for columns in (self.from_, [column for rule in self.match for column in rule.columns()]):
            yield ALTERNATIVE.join(columns), False
            if len(columns) > 1:
                yield from ((column, True) for column in columns)


class TableRule(Strict):
    """One table among several files or sheets, and how it is told from the others.

    ``has``: columns that only this table has, all of them. ``names``: patterns (``*Address*``) of file or sheet names,
    used when the columns do not decide. ``key``: the columns that say which customer a row belongs to.
    ``blank_key``: what a row without a key is: wrong, or a further row of the customer above it. ``parent``: rows that
    belong to other rows of the table.
    """

    key: KeyFields = Field(min_length=1)
    blank_key: Literal["reject", "above"] = "reject"
    parent: ParentRule | None = None
    has: TextList = Field(default_factory=list)
    names: TextList = Field(default_factory=list)
    two_headers: YesNo = False
    skip: list[SkipRule] = Field(default_factory=list)
    ignore: TextList = Field(default_factory=list)

    @model_validator(mode="after")
    def _key_is_read(self) -> Self:
        _compared(self.key, "key")
        return self


class Mapping(Strict):
    """A whole mapping file. With one table, the keys of ``TableRule`` but ``has`` and ``names`` stand at the top."""

    extends: str | None = None  # by now all that it says is here: see ``mapping.extending``
    title: str
    description: str = ""
    export: str = ""
    country: str | None = Field(None, pattern="^[A-Z]{2}$")
    tables: dict[str, TableRule] = Field(min_length=1)
    customer: CustomerEntry
    addresses: list[AddressEntry] = Field(default_factory=list)
    contacts: list[ContactEntry] = Field(default_factory=list)
    contact_email: Literal["optional", "required"] = "optional"
    severity: dict[str, Annotated[Severity, WithJsonSchema({})]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _one_table(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("a mapping is a table of keys")  # noqa: TRY004 - pydantic reads ValueError
        short = {name: data[name] for name in ONE_TABLE if name in data}
        if "tables" in data:
            if short:
                raise ValueError(f"with tables, {', '.join(short)} belongs to each table")
            return data
        return {**{k: v for k, v in data.items() if k not in short}, "tables": {"customers": short}}

    @model_validator(mode="after")
    def _parents_are_customers(self) -> Self:
        for name, rule in self.tables.items():
            if rule.parent is not None and name != self.main_table:
                raise fault(f"belongs to the table with the customers, {self.main_table}", "tables", name, "parent")
        return self

    @model_validator(mode="after")
    def _severities_fit(self) -> Self:
        for name in self.severity:
            if name not in CODES:
                meant = near(name)
                guess = f"did you mean {meant!r}?" if meant else "`importer explain` lists all"
                raise fault(f"no problem has this code; {guess}", "severity", name)
            if CODES[name].locked:
                raise fault(f"its severity cannot be changed: {CODES[name].locked}", "severity", name)
        own = self.severity.get(_EMAIL[1], Severity.ERROR)
        if self.contact_email == "required" and own is not Severity.ERROR:
            raise fault("contact_email: required makes it an error; say one of the two", *_EMAIL)
        return self

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        for kind, entries in (("addresses", self.addresses), ("contacts", self.contacts)):
            for number, entry in enumerate(entries):
                if entry.table is not None and entry.table not in self.tables:
                    text = f"there is no table {entry.table!r}, only {', '.join(self.tables)}"
                    raise fault(text, kind, number, "table")
        return self

    @model_validator(mode="after")
    def _attributes_differ(self) -> Self:
        """WizCommerce may take two names that differ only in case for one, and one value would replace the other."""
        sections: list[tuple[tuple[str | int, ...], _Section]] = [(("customer",), self.customer)]
        sections += [(("addresses", number), entry) for number, entry in enumerate(self.addresses)]
        sections += [(("contacts", number), entry) for number, entry in enumerate(self.contacts)]
        seen: dict[tuple[str | int, str], str] = {}
        for where, section in sections:
            for name, place in section.attribute_names():
                key = " ".join(unicodedata.normalize("NFC", name).split()).casefold()
                other = seen.setdefault((where[0], key), name)
                if other != name:
                    text = f"{name!r} and {other!r} differ only in case or spaces: write both alike, or drop one"
                    raise fault(text, *where, *place)
        return self

    @property
    def needs_contact_email(self) -> bool:
        """True when a contact without an e-mail address is an error."""
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
        """Per table every column name that the mapping mentions, alternatives each by itself: to find headers by."""
        return tuple(
            frozenset(name for reference, _ in self.references(table) for name in alternatives(reference))
            for table in self.tables
        )

    def references(self, table: str) -> Iterator[tuple[str, bool]]:
        """Every column reference to a table (``{n}`` filled in), and whether its column may be absent."""
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
            if (entry.table or self.main_table) == table:
                for number in entry.numbers():
                    yield from _child_references(entry, number)

    def repeated(self, table: str) -> Iterator[list[frozenset[str]]]:
        """For each repeated group of a table: the references that hold its number, by number."""
        for entry in self.children():
            if (entry.table or self.main_table) == table and entry.repeat is not None:
                shared = {reference for reference, _ in _child_references(entry, "")}
                yield [
                    frozenset(reference for reference, _ in _child_references(entry, number)) - shared
                    for number in entry.numbers()
                ]


def _child_references(entry: ChildEntry, number: str) -> Iterator[tuple[str, bool]]:
    yield from _field_references(entry, number)
    cells = [column.replace(NUMBER, number) for column in entry.cells]
    if cells:
        yield ALTERNATIVE.join(cells), entry.optional
    yield from ((column, True) for column in cells if len(cells) > 1)
    if entry.when is not None:
        yield from entry.when.numbered(number).references()


def _field_references(section: _Section, number: str) -> Iterator[tuple[str, bool]]:
    for rule in section.fields().values():
        for column, optional in rule.references(optional=section.optional):
            yield column.replace(NUMBER, number), optional
