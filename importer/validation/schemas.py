"""The API's contract, as pandera schemas of individual columns, and the rules that they check.

A rule takes the texts of a column and returns a Boolean Arrow array: True if the value is valid. A rule about a value's
*form* (phone, email address, code) accepts values with control characters or too many characters: there are separate
rules for those, and one mistake should be one problem.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
import pycountry
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pandera.errors import SchemaErrors

from importer.cell_text import MADE_A_DATE, SAME_ADDRESS
from importer.tables import ATTRIBUTE_PREFIX, TEXT, Entity, Positions, arrow

REQUIRED: dict[Entity, frozenset[str]] = {
    "customer": frozenset({"reference_id", "company_name"}),
    "address": frozenset({"reference_id", "address_line_1", "city", "type"}),
    "contact": frozenset({"reference_id", "first_name"}),
}
_LINE_BREAK = r"[\t\n\x0b\x0c\r\x85\x{2028}\x{2029}]"
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
ANY_CONTROL = f"{_LINE_BREAK}|{_CONTROL}"
_LETTER_LOST = r"\pL\?+\pL|(?:^|\s)\?+\p{Ll}|\?{3}"  # M?ller, ?sterreich, ????? Ltd; not Guess?
_QUERY = r"://|^www\.|\?[\w.-]+="  # part of a web address
# Texts that are not part of an address: a note, a date that a spreadsheet made from 10-12, or a rounded number.
_NO_ADDRESS = rf"^(?:{SAME_ADDRESS}|(?i:{MADE_A_DATE}|[0-9](?:[.,][0-9]+)?E\+[0-9]{{2}}))\W*$"
_UUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
# What a spreadsheet shows if a formula failed, in several languages, or if a column is too narrow.
_FORMULA_ERROR = (
    r"^(?i:#(?:(?:REF|VALUE|NAME|DIV/0|NUM|NULL|SPILL|CALC|FIELD|BLOCKED|ERROR|BEZUG|WERT|ZAHL|ÜBERLAUF|VALEUR|NOM|NOMBRE|NOME"
    r"|VALOR|RIF|VALORE|WAARDE|VERW|NAAM|GETAL|¡REF|¡VALOR|¿NOMBRE|¡NUM|¡DIV/0)[!?]|N/A|N/D|N/B|NV|GETTING_DATA)"
    r"|Err:5\d\d)$|^#{3,}$"
    # Or a formula as text, as in a list exported with Show Formulas on.
    r'|^=(?:[A-Z][A-Z0-9.]*\(.*|\+?\$?[A-Z]{1,3}\$?[0-9]+(?:[^0-9A-Za-z ].*)?|"(?:[^"]|"")*" *&.*)$'
)
_SCIENTIFIC = r"[0-9]([.,][0-9]+)?[Ee][+-][0-9]{2,3}"  # only as spreadsheets write it: 1E5 may be an ID
# Up to 64 characters, it matches a subset of what email-validator accepts (a test compares them), and is far faster.
_PLAIN_EMAIL = r"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}$"
_SPECIAL_DOMAIN = rf"(?i)[@.]({'|'.join(re.escape(name) for name in SPECIAL_USE_DOMAIN_NAMES)})$"

Rule = Callable[[pa.Array], pa.Array]


def max_length(field: str) -> int:
    """The maximum number of characters (not bytes) that the API accepts in a field."""
    return 50 if field == "city" else 255


def is_filled(texts: pa.Array) -> pa.Array:
    return pc.not_equal(pc.utf8_trim_whitespace(texts), "")


def no_longer_than(texts: pa.Array, limit: int) -> pa.Array:
    return pc.less_equal(pc.utf8_length(texts), limit)


def is_whole_number(texts: pa.Array) -> pa.Array:
    """False for a number that a spreadsheet shortened to ``1.23E+05``."""
    return pc.invert(pc.match_substring_regex(texts, f"^{_SCIENTIFIC}$"))


def is_whole_composite_id(texts: pa.Array) -> pa.Array:
    """Like :func:`is_whole_number`, for an ID that may have several parts joined by ``-``."""
    return pc.invert(pc.match_substring_regex(texts, f"(^|-){_SCIENTIFIC}(-|$)"))


def is_no_formula_error(texts: pa.Array) -> pa.Array:
    """False for ``#REF!``, ``#DIV/0!``, ``#ERROR!``, ``Err:508``, ``#####``, and formulas such as ``=T("0017")``."""
    return pc.invert(pc.match_substring_regex(texts, _FORMULA_ERROR))


def is_street(texts: pa.Array) -> pa.Array:
    """False for ``same as billing`` and for ``12-Oct``, which a spreadsheet made from a house number."""
    return pc.invert(pc.match_substring_regex(texts, _NO_ADDRESS))


def is_city(texts: pa.Array) -> pa.Array:
    """Like :func:`is_street`, but also False for a text without letters."""
    return pc.and_(is_street(texts), pc.match_substring_regex(texts, r"\pL|^\s*$"))


def is_phone(texts: pa.Array) -> pa.Array:
    """True for numbers in E.164 format."""
    return _or_unsound(texts, pc.match_substring_regex(texts, r"^\+[1-9][0-9]{1,14}$"))


def is_uuid(texts: pa.Array) -> pa.Array:
    return _or_unsound(texts, pc.match_substring_regex(texts, _UUID))


def is_type(texts: pa.Array) -> pa.Array:
    return _or_unsound(texts, pc.is_in(texts, value_set=pa.array(["billing", "shipping"])))


def is_country(texts: pa.Array) -> pa.Array:
    """True for ISO 3166-1 alpha-2 codes in capitals, and XK for Kosovo."""
    codes = pa.array(sorted({*country_names().values()}))
    return _or_unsound(texts, pc.is_in(texts, value_set=codes))


def is_email(texts: pa.Array) -> pa.Array:
    """True if email-validator, without a DNS lookup, accepts the text. It is called only if the pattern fails."""
    plain = pc.and_(pc.match_substring_regex(texts, _PLAIN_EMAIL), pc.less_equal(pc.utf8_length(texts), 64))
    passed = pc.and_not(plain, pc.match_substring_regex(texts, _SPECIAL_DOMAIN))
    if pc.all(passed, min_count=0).as_py():
        return passed
    rest = pc.invert(passed)
    asked = texts.filter(rest).dictionary_encode()
    answers = pa.array(list(map(_is_valid_email, asked.dictionary.to_pylist())), pa.bool_()).take(asked.indices)
    return _or_unsound(texts, pc.replace_with_mask(passed, rest, answers))


def _is_valid_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _or_unsound(texts: pa.Array, passed: pa.Array) -> pa.Array:
    """``passed``, but also True for values with control characters or too many characters."""
    if pc.all(passed, min_count=0).as_py():
        return passed
    unsound = pc.or_(pc.match_substring_regex(texts, ANY_CONTROL), pc.greater(pc.utf8_length(texts), 255))
    return pc.or_(passed, unsound)


def _without(texts: pa.Array, pattern: str) -> pa.Array:
    """True if a pattern of unprintable characters does not match. Printable ASCII (the usual case) is not searched."""
    data = np.frombuffer(texts.buffers()[2] or b" ", dtype=np.uint8)
    if len(data) == 0 or (data.min() >= 0x20 and data.max() < 0x7F):
        return pa.repeat(pa.scalar(True), len(texts))
    return pc.invert(pc.match_substring_regex(texts, pattern))


is_printable = partial(_without, pattern=_CONTROL)
is_one_line = partial(_without, pattern=_LINE_BREAK)


def keeps_its_letters(texts: pa.Array) -> pa.Array:
    """False for texts with U+FFFD or ``?`` in place of letters, which programs write for unsupported letters."""
    passed = _without(texts, "\ufffd")
    if not (np.frombuffer(texts.buffers()[2] or b" ", dtype=np.uint8) == ord("?")).any():
        return passed
    lost = pc.match_substring_regex(texts, _LETTER_LOST)
    return pc.and_(passed, pc.invert(pc.and_not(lost, pc.match_substring_regex(texts, _QUERY))))


@cache
def country_names() -> dict[str, str]:
    """Lowercase names and codes of countries → alpha-2 code."""
    names = {"kosovo": "XK", "xk": "XK"}  # not an ISO code, but used like one
    for country in pycountry.countries:
        others = (getattr(country, key, "") for key in ("official_name", "common_name"))
        known = (country.alpha_2, country.alpha_3, country.name, *others)
        names |= {name.lower(): country.alpha_2 for name in known if name}
    return names


_FORMS: dict[str, tuple[str, Rule]] = {
    "phone": ("invalid_phone", is_phone),
    "email": ("invalid_email", is_email),
    "type": ("invalid_type", is_type),
    "country": ("invalid_country", is_country),
    "zip_code": ("excel_damaged", is_whole_number),
    "assigned_price_list_id": ("invalid_uuid", is_uuid),
    "assigned_sales_rep_ids": ("invalid_uuid", is_uuid),
}


def _checks(entity: Entity, field: str) -> Iterator[pandera.Check]:
    if field in REQUIRED[entity]:
        yield _check("required", is_filled)
    yield _check("too_long", partial(no_longer_than, limit=max_length(field)))
    yield _check("control_character", is_printable)
    if not field.startswith(ATTRIBUTE_PREFIX):
        yield _check("line_break", is_one_line)
    yield _check("replacement_character", keeps_its_letters)
    if field not in _FORMS or field == "zip_code":  # the form rules of other fields reject these texts anyway
        yield _check("formula_error", is_no_formula_error)
    if field in _FORMS:
        yield _check(*_FORMS[field])
    if field in {"address_line_1", "city"}:
        yield _check("address_doubtful", is_city if field == "city" else is_street)
    if field == "reference_id":
        # A child's own ID is one cell, and an ID made from its customer's ID must not repeat the customer's problem.
        yield _check("excel_damaged", is_whole_composite_id if entity == "customer" else is_whole_number)


def _check(code: str, rule: Rule) -> pandera.Check:
    """A pandera check whose name is the problem's code, and which runs on the whole column's Arrow data."""

    def run(column: pd.Series) -> pd.Series | bool:
        texts = arrow(column)
        valid = rule(texts.drop_null())
        if pc.all(valid, min_count=0).as_py():  # the usual case, in which pandera need not read each value
            return True
        passed = np.ones(len(texts), dtype=np.bool_)
        passed[texts.is_valid().to_numpy(zero_copy_only=False)] = valid
        return pd.Series(passed, index=column.index)

    return pandera.Check(run, name=code, ignore_na=False)  # pandera would copy the column for each check


@cache
def _schema(entity: Entity, field: str) -> pandera.SeriesSchema:
    """The schema of one column. With a frame schema instead, validation would take three times as long."""
    return pandera.SeriesSchema(TEXT, list(_checks(entity, field)), nullable=field not in REQUIRED[entity])


def failures(entity: Entity, field: str, values: pa.Array) -> dict[str, Positions]:
    """Problem code → positions in ``values`` (texts, preferably distinct) that break that rule of ``field``."""
    name = ATTRIBUTE_PREFIX if field.startswith(ATTRIBUTE_PREFIX) else field  # all attributes have the same rules
    try:
        _schema(entity, name).validate(pd.Series(pd.arrays.ArrowExtensionArray(values)), lazy=True, inplace=True)
    except SchemaErrors as found:
        failed: dict[str, Positions] = {}
        for error in found.schema_errors:
            code = "required" if error.check == "not_nullable" else error.check.name
            positions = error.failure_cases["index"].to_numpy(dtype=np.int64)
            failed[code] = np.concatenate([failed[code], positions]) if code in failed else positions
        return failed
    return {}
