"""Email addresses: a pattern checks the many plain ones, and email-validator the others."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from email_validator import EmailNotValidError, validate_email

from importer.cell_text import BLANKS
from importer.mapping.transform_results import TransformResult, failures
from importer.mapping.transforms.text_forms import narrow
from importer.records import Severity

# Plain ASCII addresses in lower case that are valid as they are: special-use and encoded domains are the validator's.
_PLAIN = r"^[a-z0-9_+']+([.-][a-z0-9_+']+)*@([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,24}$"
_SPECIAL = r"[@.](test|invalid|local|localhost|example|onion|arpa|internal|lan|home)$"
_SHORT = 64  # bytes: no part of such an address can be too long
_ODD = re.compile(r"""[<>\s;,"]|^mailto:|^e-?mail[:=]|\.$|^'.*'$""", re.IGNORECASE | re.ASCII)
_START = re.compile(r"""^["']?(?:mailto:|e-?mail[:=]\s*)?\s*""", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"^[^<>]*<(?:mailto:)?([^<>]+)>$", re.IGNORECASE)
_END = f"{BLANKS}.;,\"'"
_AROUND = ' \t\r\n"<>()[];,\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a'  # quotes and brackets
_INNER = re.compile(r"<([^<>@]+@[^<>@]+)>")
# Bob Smith <bob@example.com>, "Smith, Bob" <bob@example.com>, Bob Smith (bob@example.com)
_NAMED = re.compile(
    r"""(?:^|(?<=[\s;,|>)]))(?:"[^"]{0,80}"\s*|[^<>();@"|\n]{0,80})"""
    r"[<(](?:mailto:)?([^<>()@\s]+@[^<>()@\s]+)[>)]"
)
_BETWEEN = re.compile(r"(?:[;,/|\\\u3001\s]|(?<!\S)[^\w@\"<>]+(?!\S))+")  # Google: a@example.com ::: b@example.com
_WORDS = re.compile(  # between addresses, remarks, and labels
    r"(?<=\s)(?:or|and|oder|und|ou|et|o|y|e|of|en)(?=\s)|\([^()@]*\)|(?<!\S)[^\s@:;,]{1,40}:(?=\s)", re.IGNORECASE
)
_LINK = re.compile(r"^[^#]*#(?:mailto:)?([^#]+)#+$", re.IGNORECASE)  # Access: text#address#
_SPLIT_HINT = 'To keep the others, split the cell in the mapping, and map them to contacts: `split: ";", take: 2`.'
_WORDS_OF_THE_LIBRARY = {
    "@-sign": "@ sign",
    "The part after": "The domain after",
    "is not valid. It should have a period": "is not valid: it has no period",
}
_HINT = "Enter one email address, such as name@example.com."


def email(values: pa.Array) -> TransformResult:
    """One address of each text, its domain in lower case; of several the first valid one, with a warning.

    ``mailto:``, angle brackets, quotes and a trailing dot or semicolon are removed. An address written wholly in
    capitals becomes lower case: no mail system in use distinguishes them.
    """
    values = narrow(values)
    at = np.flatnonzero(pc.invert(_are_plain(values)).to_numpy(zero_copy_only=False))
    return _read(values.take(pa.array(at))).among(at, TransformResult(values)) if len(at) else TransformResult(values)


def _are_plain(values: pa.Array) -> pa.Array:
    short = pc.and_(pc.match_substring_regex(values, _PLAIN), pc.less_equal(pc.binary_length(values), _SHORT))
    return pc.and_not(short, pc.match_substring_regex(values, _SPECIAL))


def _read(values: pa.Array) -> TransformResult:
    singles = [_first_of_several(_alone(value)) for value in values.to_pylist()]
    tidy = pa.array([_tidied(value) for value, _ in singles], pa.string())
    plain = _are_plain(pc.utf8_lower(tidy)).to_pylist()
    checked = [(text, None) if fine else _validate(text) for text, fine in zip(tidy.to_pylist(), plain, strict=True)]
    wrong = failures("invalid_email", [reason for _, reason in checked], _HINT)
    messages = [others for _, others in singles]
    left_out = failures("emails_left_out", messages, _SPLIT_HINT, Severity.WARNING, replaces=True)
    return TransformResult(pa.array([address for address, _ in checked], pa.string()), (*wrong, *left_out))


def _validate(value: str) -> tuple[str | None, str | None]:
    """(The address or None, what is wrong with it)."""
    try:
        checked = validate_email(value, check_deliverability=False, strict=False)
    except EmailNotValidError as error:
        reason = "It has no @ sign" if "@" not in value else str(error).removesuffix(".")
        for theirs, ours in _WORDS_OF_THE_LIBRARY.items():
            reason = reason.replace(theirs, ours)
        return None, f"is not an email address: {reason[0].lower()}{reason[1:]}"
    return checked.normalized, None


def _alone(value: str) -> str:
    """The text without labels, remarks in parentheses, words between addresses, and spaces around the ``@``."""
    value = _LINK.sub(r"\1", value)
    if not re.search(r"\s", value):
        return value
    value = _WORDS.sub(" ", value).strip()
    return re.sub(r"\s*@\s*", "@", value) if value.count("@") == 1 else value


def _tidied(value: str) -> str:
    text = (_unwrap(value) if _ODD.search(value) else value).strip(_AROUND)
    local, at, domain = text.rpartition("@")
    return text.lower() if text == text.upper() else f"{local}{at}{domain.lower()}" if at else text


def _first_of_several(value: str) -> tuple[str, str | None]:
    """(The first valid one of several addresses, what is reported about the others); a text with one stays as it is."""
    if value.count("@") < 2:
        named = _NAMED.fullmatch(value)
        return named[1] if named else value, None
    found = [_validate(piece)[0] for piece in _pieces(value)]
    first = next(filter(None, found), None)
    if first is None or len(found) < 2:
        return value, None
    several = any(address is None or address.casefold() != first.casefold() for address in found)
    return first, f"contains several addresses; {first} is used, and the others are left out" if several else None


def _pieces(value: str) -> list[str]:
    """The addresses in a text; none if a piece is not an address, because then it is not a list."""
    inner = _INNER.findall(value)
    if len(inner) > 1:
        return [piece.strip() for piece in inner]
    pieces = [_unwrap(piece) for piece in _BETWEEN.split(_NAMED.sub(r" \1 ", value)) if piece.strip()]
    return pieces if all(piece.count("@") == 1 for piece in pieces) else []


def _unwrap(value: str) -> str:
    text = _START.sub("", value).rstrip(_END)
    inner = _IN_BRACKETS.match(text)
    return inner[1] if inner else text
