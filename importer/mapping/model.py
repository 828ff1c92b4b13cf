"""The mapping file's model: everything a mapping can say, checked strictly.

A mapping is read from YAML as plain text (``mapping.files``); the short forms of the language are turned into their
long ones here, so that everything downstream sees one form only.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, field_validator, model_validator

from importer.mapping.transforms import Step, parse_step
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS

__all__ = [
    "AddressEntry",
    "ChildEntry",
    "Condition",
    "ContactEntry",
    "CustomerEntry",
    "FieldRule",
    "Mapping",
    "TableRule",
    "alternatives",
]

NUMBER = "{n}"  # stands for the number of a repeated group in a column's name
ALTERNATIVE = "|"  # between two names of one column


def alternatives(reference: str) -> list[str]:
    """``"A|B"`` → the names that one column goes by."""
    return [name.strip() for name in reference.split(ALTERNATIVE)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _not_empty(value: list[str]) -> list[str]:
    if not value or any(not str(item).strip() for item in value):
        raise ValueError("needs at least one column name, and none may be empty")
    return value


_TextOrList = str | list[str]
TextList = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=_TextOrList)]


def _flag(value: Any) -> Any:
    return {"true": True, "yes": True, "false": False, "no": False}.get(str(value).lower(), value)


YesNo = Annotated[bool, BeforeValidator(_flag, json_schema_input_type=bool)]


class Condition(_Strict):
    """When a row counts. Exactly one test; ``column`` may name alternatives (``A|B``).

    ``is``/``is_not``: one of these texts, without case. ``flag``: the cell reads as yes (``Yes, Y, T, true, 1, tYES,
    x``) or as no. ``matches``: a regular expression found in the cell. ``blank``: the cell is empty, or is not.
    ``only``: nothing but these columns is filled. ``any``/``all``: several conditions.
    """

    column: str | None = None
    is_: TextList | None = Field(None, alias="is")
    is_not: TextList | None = None
    flag: YesNo | None = None
    matches: str | None = None
    blank: YesNo | None = None
    only: TextList | None = None
    any_: list["Condition"] | None = Field(None, alias="any")
    all_: list["Condition"] | None = Field(None, alias="all")
    optional: YesNo = False

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [self.is_, self.is_not, self.flag, self.matches, self.blank]
        wide = [self.only, self.any_, self.all_]
        if sum(test is not None for test in (*tests, *wide)) != 1:
            raise ValueError("a condition has exactly one of is, is_not, flag, matches, blank, only, any, all")
        if (self.column is None) == any(test is not None for test in tests):
            raise ValueError("is, is_not, flag, matches and blank need a column; only, any and all have none")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is not a regular expression: {error}") from error
        return self

    def references(self) -> Iterator[tuple[str, bool]]:
        """Every column reference, and whether its column may be absent."""
        if self.column is not None:
            yield self.column, self.optional
        for name in self.only or ():
            yield name, True
        for inner in (*(self.any_ or ()), *(self.all_ or ())):
            for reference, optional in inner.references():
                yield reference, optional or self.optional


class SkipRule(Condition):
    """A condition under which rows are left out, and the reason by which reports count them."""

    reason: str = Field(min_length=1)


class Otherwise(_Strict):
    """What a value becomes that a value table does not list."""

    constant: str


_StepInput = str | dict[str, str | list[str]] | list[str | dict[str, str | list[str]]]
_ValueTable = dict[str, str | list[str]]


def _steps(value: Any) -> Any:
    return [parse_step(item) for item in _as_list(value)]


def _values(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("values is a table: {text in the file: text to send}")  # noqa: TRY004 - pydantic reads ValueError
    return value


class FieldRule(_Strict):
    """Where one target field comes from. Steps: from → split → as → take/join → values → default."""

    from_: TextList | None = Field(None, alias="from")
    constant: TextList | None = None
    flags: dict[str, str] | None = None
    split: TextList | None = None
    as_: Annotated[list[Step], BeforeValidator(_steps, json_schema_input_type=_StepInput)] | None = Field(
        None, alias="as"
    )
    take: Literal["first", "last", "all"] | int | None = None
    join: str | None = None
    values: Annotated[dict[str, TextList], BeforeValidator(_values, json_schema_input_type=_ValueTable)] | None = None
    otherwise: Literal["error", "keep", "blank"] | Otherwise = "keep"
    default: str | None = None
    lookup: Literal["sales_rep", "price_list"] | None = None
    optional: YesNo | None = None
    conflict: Literal["reject", "first"] = "reject"
    invalid: Literal["reject", "blank"] = "reject"
    extension_to: str | None = None

    @field_validator("take", mode="before")
    @classmethod
    def _take_number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and re.fullmatch(r"-?[1-9]\d*", value) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        sources = [self.from_, self.constant, self.flags]
        if sum(source is not None for source in sources) != 1:
            raise ValueError("a field has exactly one of from (columns), constant, flags")
        if self.from_ is not None:
            _not_empty(self.from_)
        if self.take is not None and self.join is not None:
            raise ValueError("take and join exclude each other")
        if self.otherwise != "keep" and self.values is None:
            raise ValueError("otherwise needs values")
        if self.constant is not None and (self.split or self.as_ or self.take or self.join is not None):
            raise ValueError("a constant goes through no steps")
        return self

    def columns(self) -> list[str]:
        """Column references in the order they are tried."""
        return [*(self.from_ or ()), *(self.flags or {}).values()]


def _short_field(value: Any) -> Any:
    return {"from": [value]} if isinstance(value, str) else {"from": value} if isinstance(value, list) else value


FieldSpec = Annotated[FieldRule, BeforeValidator(_short_field, json_schema_input_type=str | list[str] | FieldRule)]


class _Section(_Strict):
    attributes: dict[str, FieldSpec] = Field(default_factory=dict)
    optional: YesNo = False

    def fields(self) -> dict[str, FieldRule]:
        """Target field → rule, in the API's order; attributes last as ``attributes.<name>``."""
        named = {name: getattr(self, name) for name in self._names() if getattr(self, name) is not None}
        return named | {f"attributes.{name}": rule for name, rule in self.attributes.items()}

    def _names(self) -> tuple[str, ...]:
        raise AssertionError  # each section lists its own

    @model_validator(mode="after")
    def _rules_fit_fields(self) -> Self:
        for name, rule in self.fields().items():
            if rule.lookup and name not in {"assigned_sales_rep_ids", "assigned_price_list_id"}:
                raise ValueError(f"{name}: lookup belongs to assigned_sales_rep_ids or assigned_price_list_id")
            if rule.flags is not None and name != "type":
                raise ValueError(f"{name}: flags belongs to type")
            if rule.extension_to and name != "phone":
                raise ValueError(f"{name}: extension_to belongs to phone")
            many = len(rule.from_ or ()) > 1 or rule.split is not None
            if many and rule.take is None and rule.join is None and name != "assigned_sales_rep_ids":
                raise ValueError(f"{name}: several columns or parts need take (first, last, a number) or join")
            if rule.take == "all" and name != "assigned_sales_rep_ids":
                raise ValueError(f"{name}: take: all belongs to assigned_sales_rep_ids, which is a list")
        return self


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


def _repeat(value: Any) -> Any:
    match = re.fullmatch(r"(\d+)\s*\.\.\s*(\d+)", str(value).strip())
    if match is None or int(match[1]) > int(match[2]) or int(match[2]) - int(match[1]) > 999:
        raise ValueError("repeat is a range such as 1..5")
    return tuple(range(int(match[1]), int(match[2]) + 1))


class _Child(_Strict):
    table: str | None = None
    repeat: Annotated[tuple[int, ...], BeforeValidator(_repeat, json_schema_input_type=str)] | None = None
    when: Condition | None = None
    on_error: Literal["reject", "drop_child"] = "reject"

    @model_validator(mode="after")
    def _numbers_are_used(self) -> Self:
        fields: dict[str, FieldRule] = self.fields()  # type: ignore[attr-defined]  # from the section it is mixed into
        numbered = any(NUMBER in column for rule in fields.values() for column in rule.columns())
        if (self.repeat is not None) != numbered:
            raise ValueError("repeat and column names with {n} go together")
        return self


class AddressEntry(_Child, _AddressFields):  # type: ignore[misc,valid-type]  # as above
    """One way in which a row gives an address."""

    def _names(self) -> tuple[str, ...]:
        return ADDRESS_FIELDS

    @model_validator(mode="after")
    def _has_type(self) -> Self:
        if self.type is None:
            raise ValueError("an address needs a type, e.g. type: {constant: billing}")
        named = [*(self.type.constant or ()), *(self.type.flags or ())]
        for value in named:
            if value not in {"billing", "shipping"}:
                raise ValueError(f"type is billing or shipping, not {value!r}")
        return self


class ContactEntry(_Child, _ContactFields):  # type: ignore[misc,valid-type]  # as above
    """One way in which a row gives a contact."""

    def _names(self) -> tuple[str, ...]:
        return CONTACT_FIELDS


ChildEntry = AddressEntry | ContactEntry


class TableRule(_Strict):
    """One table among several files or sheets, and how it is told from the others.

    ``has``: columns that only this table has, all of them. ``names``: patterns (``*Address*``) of file or sheet names,
    used when the columns do not decide. ``key``: the columns that say which customer a row belongs to.
    """

    key: Annotated[list[FieldSpec], BeforeValidator(_as_list, json_schema_input_type=FieldSpec | list[FieldSpec])] = (
        Field(min_length=1)
    )
    has: TextList = Field(default_factory=list)
    names: TextList = Field(default_factory=list)
    two_headers: YesNo = False
    skip: list[SkipRule] = Field(default_factory=list)
    ignore: TextList = Field(default_factory=list)


class Mapping(_Strict):
    """A whole mapping file. With one table, ``key``, ``skip``, ``two_headers`` and ``ignore`` stand at the top."""

    title: str
    description: str = ""
    export: str = ""
    country: str | None = Field(None, pattern="^[A-Z]{2}$")
    tables: dict[str, TableRule] = Field(min_length=1)
    customer: CustomerEntry
    addresses: list[AddressEntry] = Field(default_factory=list)
    contacts: list[ContactEntry] = Field(default_factory=list)
    contact_email: Literal["optional", "required"] = "optional"

    @model_validator(mode="before")
    @classmethod
    def _one_table(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError("a mapping is a table of keys")  # noqa: TRY004 - pydantic reads ValueError
        short = {name: data[name] for name in ("key", "skip", "two_headers", "ignore") if name in data}
        if "tables" in data:
            if short:
                raise ValueError(f"with tables, {', '.join(short)} belongs to each table")
            return data
        if "key" not in data:
            raise ValueError("key is missing: the column that tells one customer from another")
        return {**{k: v for k, v in data.items() if k not in short}, "tables": {"customers": short}}

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        for kind, entries in (("addresses", self.addresses), ("contacts", self.contacts)):
            for number, entry in enumerate(entries):
                if entry.table is not None and entry.table not in self.tables:
                    raise ValueError(f"{kind}[{number}]: no table {entry.table!r} among {', '.join(self.tables)}")
        if self.customer.company_name is None:
            raise ValueError("customer.company_name is missing: the API requires it")
        return self

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
            yield from ((column, bool(part.optional)) for column in part.columns())
        for skip in rule.skip:
            yield from skip.references()
        if table == self.main_table:
            yield from _field_references(self.customer, "")
        for entry in self.children():
            if (entry.table or self.main_table) == table:
                for number in entry.repeat or [""]:
                    yield from _field_references(entry, str(number))
                if entry.when is not None:
                    yield from entry.when.references()


def _field_references(section: _Section, number: str) -> Iterator[tuple[str, bool]]:
    for rule in section.fields().values():
        optional = rule.optional if rule.optional is not None else section.optional
        for column in rule.columns():
            yield column.replace(NUMBER, number), optional
