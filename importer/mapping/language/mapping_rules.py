"""What mappings are made of: conditions on rows and rules for single fields, each with its short and long forms."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from importer.mapping.transforms.registry import Step, parse_step

__all__ = [
    "ALTERNATIVE",
    "NUMBER",
    "Condition",
    "FieldRule",
    "FieldSpec",
    "Otherwise",
    "SkipRule",
    "Steps",
    "Strict",
    "TextList",
    "YesNo",
    "alternatives",
    "as_list",
    "fault",
    "one_value",
]

NUMBER = "{n}"  # stands for the number of a repeated group in a column's name
ALTERNATIVE = "|"  # between two names of one column


def alternatives(reference: str) -> list[str]:
    """``"A|B"`` → the names that one column goes by."""
    return [name.strip() for name in reference.split(ALTERNATIVE)]


def fault(text: str, *place: str | int) -> PydanticCustomError:
    """A fault of something inside what is being validated: ``place`` leads to it, so that its line can be named."""
    return PydanticCustomError("misplaced", "{text}", {"text": text, "place": place})


class Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True, defer_build=True
    )


def as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


_TextOrList = str | list[str]
TextList = Annotated[list[str], BeforeValidator(as_list, json_schema_input_type=_TextOrList)]


def _flag(value: Any) -> Any:
    return {"true": True, "yes": True, "false": False, "no": False}.get(str(value).lower(), value)


YesNo = Annotated[bool, BeforeValidator(_flag, json_schema_input_type=bool)]


class Condition(Strict):
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

    def numbered(self, number: str) -> "Condition":
        """The condition for one number of a repeated group: ``{n}`` filled in."""
        if not number:
            return self
        filled = {name: [inner.numbered(number) for inner in own] for name, own in self._inner().items()}
        column = None if self.column is None else self.column.replace(NUMBER, number)
        only = None if self.only is None else [name.replace(NUMBER, number) for name in self.only]
        return self.model_copy(update={"column": column, "only": only, **filled})

    def _inner(self) -> dict[str, list["Condition"]]:
        return {name: own for name, own in (("any_", self.any_), ("all_", self.all_)) if own is not None}

    def references(self) -> Iterator[tuple[str, bool]]:
        """Every column reference, and whether its column may be absent."""
        if self.column is not None:
            yield self.column, self.optional
        for name in self.only or ():
            yield name, True
        for inner in (one for own in self._inner().values() for one in own):
            for reference, optional in inner.references():
                yield reference, optional or self.optional


class SkipRule(Condition):
    """A condition under which rows are left out, and the reason by which reports count them."""

    reason: str = Field(min_length=1)


class Otherwise(Strict):
    """What a value becomes that a value table does not list."""

    constant: str


_StepInput = str | dict[str, str | list[str]] | list[str | dict[str, str | list[str]]]
_ValueTable = dict[str, str | list[str]]


def _steps(value: Any) -> Any:
    return [parse_step(item) for item in as_list(value)]


Steps = Annotated[list[Step], BeforeValidator(_steps, json_schema_input_type=_StepInput)]


def _values(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("values is a table: {text in the file: text to send}")  # noqa: TRY004 - pydantic reads ValueError
    seen: set[str] = set()
    for text in value:
        if text.strip().casefold() in seen:
            raise fault(f"{text!r} stands twice (values are compared without case)", text)
        seen.add(text.strip().casefold())
    return value


def _whole_number(value: Any) -> Any:
    if not isinstance(value, str) or value in {"first", "last", "all", NUMBER}:
        return value
    if not re.fullmatch(r"-?[1-9]\d*", value):
        raise ValueError("take is first, last, all, or a number: 2 is the second, -1 the last, {n} that of repeat")
    return int(value)


def _short_field(value: Any) -> Any:
    return {"from": [value]} if isinstance(value, str) else {"from": value} if isinstance(value, list) else value


_SOURCES = ("from", "constant", "flags")
_FROM_ONLY = (
    "split",
    "as",
    "take",
    "join",
    "values",
    "else",
    "default",
    "extension_to",
    "clear_when_blank",
)  # what a constant cannot have
_NOT_FOR_FLAGS = ("split", "as", "take", "join", "values", "else", "lookup", "extension_to", "clear_when_blank")
_NOT_FOR_ELSE = (
    "constant",
    "flags",
    "default",
    "lookup",
    "extension_to",
    "clear_when_blank",
)  # say it of the field itself


class FieldRule(Strict):
    """Where one target field comes from. Steps: from → split → as → take/join → values → else → default."""

    from_: TextList | None = Field(None, alias="from")
    constant: TextList | None = None
    flags: dict[str, str] | None = None
    split: TextList | None = None
    as_: Steps | None = Field(None, alias="as")
    take: Annotated[
        Literal["first", "last", "all", "{n}"] | int | None,
        BeforeValidator(_whole_number, json_schema_input_type=Literal["first", "last", "all", "{n}"] | int),
    ] = None
    join: str | None = None
    values: Annotated[dict[str, TextList], BeforeValidator(_values, json_schema_input_type=_ValueTable)] | None = None
    otherwise: Literal["error", "keep", "blank"] | Otherwise = "keep"
    else_: Annotated["FieldRule", BeforeValidator(_short_field)] | None = Field(None, alias="else")
    default: str | None = None
    lookup: Literal["sales_rep", "price_list"] | None = None
    optional: YesNo | None = None
    conflict: Literal["reject", "first"] = "reject"
    invalid: Literal["reject", "blank"] = "reject"
    extension_to: str | None = None
    clear_when_blank: YesNo | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        said = self.said()
        if sum(name in said for name in _SOURCES) != 1:
            raise ValueError("a field has exactly one of from (columns), constant, flags")
        for source, excluded in (("constant", _FROM_ONLY), ("flags", _NOT_FOR_FLAGS)):
            for name in excluded:
                if source in said and name in said:
                    raise fault(f"does not go with {source}", name)
        for name in ("from", "constant", "split"):
            if name in said and not all(said[name] if name == "split" else map(str.strip, said[name] or [""])):
                raise fault("needs at least one text, and none may be empty", name)
        if not all(map(str.strip, (self.flags or {"": "-"}).values())):
            raise fault("needs a column for each", "flags")
        if "take" in said and "join" in said:
            raise fault("take and join exclude each other", "join")
        if self.otherwise != "keep" and self.values is None:
            raise fault("otherwise needs values", "otherwise")
        return self

    @model_validator(mode="after")
    def _may_clear(self) -> Self:
        """Only what is blank in the source clears: not what was left out because it is wrong, nor an id."""
        for name, excluded in (
            ("invalid: blank", self.invalid == "blank"),
            ("lookup", self.lookup),
            ("default", self.default),
        ):
            if self.clear_when_blank and excluded:
                raise fault(f"does not go with {name}", "clear_when_blank")
        return self

    @model_validator(mode="after")
    def _else_is_plain(self) -> Self:
        for name in _NOT_FOR_ELSE:
            if self.else_ is not None and name in self.else_.said():
                raise fault("does not belong under else", "else", name)
        return self

    def said(self) -> dict[str, Any]:
        """What the mapping says of the field, by the keys of the language."""
        aliases = {name: field.alias or name for name, field in type(self).model_fields.items()}
        return {alias: value for name, alias in aliases.items() if (value := getattr(self, name)) is not None}

    def targets(self) -> list[str]:
        """Every text that the mapping itself gives the field."""
        listed = [text for texts in (self.values or {}).values() for text in texts]
        otherwise = [self.otherwise.constant] if isinstance(self.otherwise, Otherwise) else []
        default = [] if self.default is None else [self.default]
        further = self.else_.targets() if self.else_ else []
        return [*(self.constant or ()), *(self.flags or ()), *listed, *otherwise, *further, *default]

    def own_columns(self) -> list[str]:
        """Column references in the order they are tried, those under ``else`` left out."""
        return [*(self.from_ or ()), *(self.flags or {}).values()]

    @property
    def numbered(self) -> bool:
        """True when the rule reads other cells, or takes another part, for each number of a repeated group."""
        own = self.take == NUMBER or any(NUMBER in column for column in self.own_columns())
        return own or (self.else_ is not None and self.else_.numbered)

    def columns(self) -> list[str]:
        """Every column reference in the order they are tried."""
        return [*self.own_columns(), *(self.else_.columns() if self.else_ else ())]

    def references(self, *, optional: bool) -> Iterator[tuple[str, bool]]:
        """Every column reference, and whether its column may be absent; ``optional``: unless the rule says."""
        optional = optional if self.optional is None else self.optional
        yield from ((column, optional) for column in self.own_columns())
        if self.else_ is not None:
            yield from self.else_.references(optional=optional)


FieldSpec = Annotated[FieldRule, BeforeValidator(_short_field, json_schema_input_type=str | list[str] | FieldRule)]


def one_value(rule: FieldRule, place: tuple[str | int, ...], *, several_types: bool = False) -> None:
    """Raise for a rule that would give a list where one text is wanted; an address may have both types."""
    if rule.else_ is not None:
        one_value(rule.else_, (*place, "else"), several_types=several_types)
    many = len(rule.from_ or ()) > 1 or rule.split is not None
    if many and rule.take is None and rule.join is None:
        raise fault("several columns or parts need take (first, last, a number) or join", *place)
    if rule.take == "all":
        raise fault("take: all belongs to assigned_sales_rep_ids, which is a list", *place, "take")
    if not several_types:
        if len(rule.constant or ()) > 1:
            raise fault("is one text, not a list", *place, "constant")
        for text, own in (rule.values or {}).items():
            if len(own) > 1:
                raise fault("is one text, not a list", *place, "values", text)
