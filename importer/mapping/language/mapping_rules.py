"""The rules in a mapping: for rows, for single fields, and for tables. Short forms are turned into long ones.

The reference in ``mappings/README.md`` says what each key means. ``{"form": …}`` names a definition of the schema for
editors, which ``python -m tests.docs.json_schema`` writes.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from importer.cell_text import header_key
from importer.mapping.transforms.registry import TransformStep, parse_step
from importer.wording import listed

NUMBER = "{n}"  # in the name of a column: the number of a repeated group
ALTERNATIVE = "|"  # between two names of one column
TYPES = ("billing", "shipping")  # of an address


def alternatives(reference: str) -> list[str]:
    """``"A|B"`` → the names that one column may have."""
    return [name.strip() for name in reference.split(ALTERNATIVE)]


def error_at(text: str, *place: str | int) -> PydanticCustomError:
    """An error in a part of what is validated. ``place``: the keys that lead to it, so that its line can be named."""
    return PydanticCustomError("misplaced", "{text}", {"text": text, "place": place})


class Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True, defer_build=True
    )

    def given(self) -> dict[str, Any]:
        """The keys that the mapping gives, with their values; and those that have a default."""
        aliases = {name: field.alias or name for name, field in type(self).model_fields.items()}
        return {alias: value for name, alias in aliases.items() if (value := getattr(self, name)) is not None}


def as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _flag(value: Any) -> Any:
    return {"true": True, "yes": True, "false": False, "no": False}.get(str(value).lower(), value)


TextList = Annotated[list[str], BeforeValidator(as_list), WithJsonSchema({"form": "texts"})]
YesNo = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"form": "yes_no"})]
TESTS = ("is", "is_not", "same_as", "differs_from", "flag", "matches", "blank")  # of a column


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


class OtherColumn(Strict):
    """A column that another one is compared with. ``table``: of the same customer's rows in another table."""

    column: str
    table: str = ""


_Other = Annotated[
    OtherColumn,
    BeforeValidator(lambda value: {"column": value} if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"form": "text"}, {"form": "OtherColumn"}]}),
]


class Condition(Strict):
    """A test of a row. Exactly one of the keys but ``column`` and ``optional`` is given."""

    column: str | None = None
    is_: TextList | None = Field(None, alias="is")
    is_not: TextList | None = None
    same_as: _Other | None = None
    differs_from: _Other | None = None
    flag: YesNo | None = None
    matches: Annotated[str, AfterValidator(_pattern)] | None = None
    blank: YesNo | None = None
    only: TextList | None = None
    any_: list["Condition"] | None = Field(None, alias="any")
    all_: list["Condition"] | None = Field(None, alias="all")
    optional: YesNo = False

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        given = self.given()
        tests = [name for name in TESTS if name in given]
        if len(tests) + sum(name in given for name in ("only", "any", "all")) != 1:
            raise ValueError(f"a condition must have exactly one of {', '.join(TESTS)}, only, any, or all")
        if ("column" in given) != bool(tests):
            raise ValueError(f"{listed(TESTS)} need a `column`; `only`, `any`, and `all` do not take one")
        return self

    @property
    def other(self) -> OtherColumn | None:
        """The column that the condition's own one is compared with."""
        return self.same_as or self.differs_from

    def across_tables(self) -> Iterator[tuple["Condition", OtherColumn]]:
        """Yield the parts of the condition that compare with a column of another table, and that column."""
        for part in self.parts():
            if part.other is not None and part.other.table:
                yield part, part.other

    def parts(self) -> Iterator["Condition"]:
        """Yield the condition and all that it is combined of."""
        yield self
        for inner in (*(self.any_ or ()), *(self.all_ or ())):
            yield from inner.parts()

    def numbered(self, number: str) -> "Condition":
        """The condition for one number of a repeated group: ``{n}`` filled in."""
        if not number:
            return self
        changes: dict[str, Any] = {}
        if self.column is not None:
            changes["column"] = self.column.replace(NUMBER, number)
        for name in ("same_as", "differs_from"):
            other = getattr(self, name)
            if other is not None:
                changes[name] = other.model_copy(update={"column": other.column.replace(NUMBER, number)})
        if self.only is not None:
            changes["only"] = [name.replace(NUMBER, number) for name in self.only]
        for name, inner in (("any_", self.any_), ("all_", self.all_)):
            if inner is not None:
                changes[name] = [condition.numbered(number) for condition in inner]
        return self.model_copy(update=changes)

    def references(self) -> Iterator[tuple[str, bool]]:
        """Yield every column reference to the rows' own table, and whether its column may be absent."""
        if self.column is not None:
            yield self.column, self.optional
        if self.other is not None and not self.other.table:
            yield self.other.column, self.optional
        yield from ((name, True) for name in self.only or ())
        for inner in (*(self.any_ or ()), *(self.all_ or ())):
            for reference, optional in inner.references():
                yield reference, optional or self.optional


class SkipRule(Condition):
    """A condition under which rows are left out."""

    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _own_table(self) -> Self:
        if any(self.across_tables()):
            raise ValueError("only addresses and contacts can look at the rows of another table")
        return self


class Otherwise(Strict):
    """What is sent instead of a text that ``values`` does not list."""

    constant: str


Steps = Annotated[
    list[Annotated[TransformStep, BeforeValidator(parse_step)]],
    BeforeValidator(as_list),
    WithJsonSchema({"form": "steps"}),
]


def _values(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("`values` must be a table: {text in the file: text to send}")  # noqa: TRY004 - pydantic reads ValueError
    seen: set[str] = set()
    for text in value:
        if text.strip().casefold() in seen:
            raise error_at(f"{text!r} is listed twice (values are compared without case)", text)
        seen.add(text.strip().casefold())
    return value


def _whole_number(value: Any) -> Any:
    if not isinstance(value, str) or value in {"first", "last", "all", NUMBER}:
        return value
    if not re.fullmatch(r"-?[1-9]\d*", value):
        raise ValueError(
            "`take` must be first, last, all, or a number: 2 is the second, -1 the last, "
            "{n} the current number of repeat"
        )
    return int(value)


def _short_field(value: Any) -> Any:
    return {"from": value} if isinstance(value, str | list) else value


_Take = Annotated[
    Literal["first", "last", "all", "{n}"] | int, BeforeValidator(_whole_number), WithJsonSchema({"form": "take"})
]
_ALONE = ("split", "as", "take", "join", "then", "values", "extension_to", "clear_when_blank")
_EXCLUDED = (  # pairs of keys that do not go together
    *(("constant", name) for name in _ALONE),
    *(("flags", name) for name in (*_ALONE, "lookup")),
    ("take", "join"),
)
_OF_THE_FIELD = ("flags", "default", "lookup", "extension_to", "clear_when_blank")  # not under else


class FieldRule(Strict):
    """Where one target field comes from. Steps: from → split → as → take/join → then → values → else → default."""

    from_: TextList | None = Field(None, alias="from")
    constant: TextList | None = None
    flags: dict[str, str] | None = None
    split: TextList | None = None
    as_: Steps | None = Field(None, alias="as")
    take: _Take | None = None
    join: str | None = None
    then: Steps | None = None
    values: (
        Annotated[dict[str, TextList], BeforeValidator(_values, json_schema_input_type=dict[str, TextList])] | None
    ) = None
    otherwise: Literal["error", "keep", "blank"] | Otherwise = "keep"
    when: Condition | None = None
    else_: "FieldSpec | None" = Field(None, alias="else")
    default: str | None = None
    lookup: Literal["sales_rep", "price_list"] | None = None
    optional: YesNo | None = None
    conflict: Literal["reject", "first"] = "reject"
    invalid: Literal["reject", "blank"] = "reject"
    extension_to: str | None = None
    clear_when_blank: YesNo | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = self.given()
        if sum(name in given for name in ("from", "constant", "flags")) != 1:
            raise ValueError("a field must have exactly one of from (columns), constant, or flags")
        for first, second in _EXCLUDED:
            if first in given and second in given:
                raise error_at(f"cannot be combined with {first}", second)
        for name in ("from", "constant", "split"):
            if name in given and not all(given[name] if name == "split" else map(str.strip, given[name] or [""])):
                raise error_at("needs at least one value, and none may be empty", name)
        if not all(map(str.strip, (self.flags or {"": "-"}).values())):
            raise error_at("needs a column for each", "flags")
        if self.otherwise != "keep" and self.values is None:
            raise error_at("`otherwise` can be used only with `values`", "otherwise")
        return self

    @model_validator(mode="after")
    def _when_else_and_clearing_fit(self) -> Self:
        if self.when is not None and any(condition.only is not None for condition in self.when.parts()):
            raise error_at("`only` can be used only in `skip`, or in the `when` of an address or contact", "when")
        for name in ("else", "default"):
            if self.constant is not None and self.when is None and name in self.given():
                raise error_at("cannot be combined with constant, unless there is a when", name)
        # Only what is blank in the source clears a field: not a wrong value that was left out, nor an id.
        not_cleared = {"invalid: blank": self.invalid == "blank", "lookup": self.lookup, "default": self.default}
        for name, excludes in not_cleared.items():
            if self.clear_when_blank and excludes:
                raise error_at(f"cannot be combined with {name}", "clear_when_blank")
        for name in _OF_THE_FIELD:
            if self.else_ is not None and name in self.else_.given():
                raise error_at("is not allowed under else", "else", name)
        return self

    def conditions(self) -> Iterator[Condition]:
        """Yield the rule's own condition and those under ``else``."""
        if self.when is not None:
            yield self.when
        if self.else_ is not None:
            yield from self.else_.conditions()

    def targets(self) -> list[str]:
        """Every text that the mapping itself gives the field."""
        given = [text for texts in (self.values or {}).values() for text in texts]
        otherwise = [self.otherwise.constant] if isinstance(self.otherwise, Otherwise) else []
        default = [] if self.default is None else [self.default]
        further = self.else_.targets() if self.else_ else []
        return [*(self.constant or ()), *(self.flags or ()), *given, *otherwise, *further, *default]

    def own_columns(self) -> list[str]:
        """Column references in the order they are tried, without those under ``else``."""
        return [*(self.from_ or ()), *(self.flags or {}).values()]

    @property
    def numbered(self) -> bool:
        """True when the rule reads other cells, or takes another part, for each number of a repeated group."""
        own = self.take == NUMBER or any(NUMBER in column for column in self.own_columns())
        own |= self.when is not None and self.when.numbered("1") != self.when
        return own or (self.else_ is not None and self.else_.numbered)

    def columns(self) -> list[str]:
        """Every column reference in the order they are tried."""
        return [*self.own_columns(), *(self.else_.columns() if self.else_ else ())]

    def references(self, *, optional: bool) -> Iterator[tuple[str, bool]]:
        """Yield every column reference, and whether its column may be absent. ``optional``: if the rule has none."""
        optional = optional if self.optional is None else self.optional
        yield from ((column, optional) for column in self.own_columns())
        if self.when is not None:
            yield from ((column, optional or own) for column, own in self.when.references())
        if self.else_ is not None:
            yield from self.else_.references(optional=optional)


def _short_type(value: Any) -> Any:
    """``billing`` and ``[billing, shipping]`` as constants; any other text is a column."""
    return {"constant": value} if as_list(value) and all(text in TYPES for text in as_list(value)) else value


FieldSpec = Annotated[FieldRule, BeforeValidator(_short_field), WithJsonSchema({"form": "field"})]

TypeSpec = Annotated[
    FieldRule, BeforeValidator(_short_field), BeforeValidator(_short_type), WithJsonSchema({"form": "field"})
]


def require_one_value(rule: FieldRule, place: tuple[str | int, ...], *, several_types: bool = False) -> None:
    """Raise for a rule that would give a list where one text is wanted; an address may have both types."""
    if rule.else_ is not None:
        require_one_value(rule.else_, (*place, "else"), several_types=several_types)
    many = len(rule.from_ or ()) > 1 or rule.split is not None
    if many and rule.take is None and rule.join is None:
        raise error_at("several columns or parts need take (first, last, a number) or join", *place)
    if rule.take == "all":
        raise error_at("take: all is for assigned_sales_rep_ids only, which is a list", *place, "take")
    if not several_types:
        if len(rule.constant or ()) > 1:
            raise error_at("must be one value, not a list", *place, "constant")
        for text, own in (rule.values or {}).items():
            if len(own) > 1:
                raise error_at("must be one value, not a list", *place, "values", text)


KeyFields = Annotated[
    list[FieldSpec],
    Field(min_length=1),
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [{"form": "field"}, {"type": "array", "items": {"form": "field"}, "minItems": 1}]}),
]


def _require_texts(rules: Sequence[FieldRule], name: str) -> None:
    """Raise for a rule of ``name`` that does not give one text of the file, which can be compared."""
    for number, rule in enumerate(rules):
        place: tuple[str | int, ...] = (name, number)
        if rule.from_ is None or rule.default is not None or rule.lookup is not None or rule.take == NUMBER:
            raise error_at(f"a {name} must come from columns, and cannot have `default`, `lookup`, or {NUMBER}", *place)
        require_one_value(rule, place)


class ParentRule(Strict):
    """Rows that belong to another row of the same table, which they name; the others are the customers."""

    from_: TextList = Field(alias="from", min_length=1)
    as_: Steps | None = Field(None, alias="as")
    match: KeyFields
    optional: YesNo = False

    @model_validator(mode="after")
    def _match_is_read(self) -> Self:
        _require_texts(self.match, "match")
        return self

    @property
    def field(self) -> FieldRule:
        """How the parent's name is read."""
        return FieldRule.model_validate({"from": self.from_, "as": self.as_, "take": "first"})

    def references(self) -> Iterator[tuple[str, bool]]:
        """Yield every column reference, and whether it may be absent: one of each list must be there if it may not."""
        for columns in (self.from_, [column for rule in self.match for column in rule.columns()]):
            yield ALTERNATIVE.join(columns), self.optional
            yield from ((column, True) for column in columns if len(columns) > 1)


class TableRule(Strict):
    """One table: a file or a sheet, or several that have the same columns."""

    key: KeyFields
    blank_key: Literal["reject", "above"] = "reject"
    parent: ParentRule | None = None
    has: TextList = Field(default_factory=list)
    names: TextList = Field(default_factory=list)
    columns: TextList = Field(default_factory=list)
    two_headers: YesNo = False
    skip: list[SkipRule] = Field(default_factory=list)
    ignore: TextList = Field(default_factory=list)

    @model_validator(mode="after")
    def _columns_and_key_fit(self) -> Self:
        keys = [header_key(name) for name in self.columns]
        if "" in keys:
            raise error_at(f"column {keys.index('') + 1} needs a name, such as Field {keys.index('') + 1}", "columns")
        for name, key in zip(self.columns, keys, strict=True):
            if keys.count(key) > 1:
                raise error_at(f"{name!r} is used twice; each column needs its own name", "columns")
        _require_texts(self.key, "key")
        return self
