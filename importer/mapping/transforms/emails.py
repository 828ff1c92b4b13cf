"""E-mail addresses: a pattern for the many plain ones, email-validator for what the pattern leaves."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from email_validator import EmailNotValidError, validate_email

from importer.mapping.columns import Mask, trim
from importer.mapping.transform_results import Result, failures
from importer.records import Severity

__all__ = ["email"]

# Plain ASCII addresses whose top-level domain is alphabetic. Special-use and encoded domains are the validator's.
_PLAIN = r"^[A-Za-z0-9_+'-]+(\.[A-Za-z0-9_+'-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$"
_SPECIAL_END = r"(?i)[@.](test|invalid|local|localhost|example|onion|arpa|internal|lan|home)$"
_SPECIAL = rf"{_SPECIAL_END}|[@.]..--"
# The same in small letters, and with nothing in it that needs a second look; no longer than _SHORT.
_SMALL = r"^[a-z0-9_+']+([.-][a-z0-9_+']+)*@([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,24}$"
_SHORT = 64  # bytes: so few that nothing in it is too long
_WRAPPED = re.compile(r"""^["']?(?:mailto:)?\s*(?:[^<>]*<(?:mailto:)?([^<>]+)>|(.*?))[\s.;,"']*$""", re.IGNORECASE)
_INNER = re.compile(r"<([^<>@]+@[^<>@]+)>")
_BETWEEN = re.compile(r"[;,/|\s]+")
_SPLIT_HINT = 'To keep the others, split the cell in the mapping and give them to contacts: `split: ";", take: 2`.'
_HINT = "Write one address such as name@example.com."


def _judge(value: str) -> tuple[str | None, str | None]:
    try:
        checked = validate_email(value, check_deliverability=False, strict=False)
    except EmailNotValidError as error:
        return None, f"is not an e-mail address: {error}"
    return checked.normalized, None


def email(values: pa.Array) -> Result:
    """One address of each text, its domain in lower case; of several the first valid one, with a warning.

    ``mailto:``, angle brackets, quotes and a trailing dot or semicolon are taken off. An address written wholly in
    capitals is written small: no mail system in use tells them apart, and ERPs shout.
    """
    settled = _settled(values)
    at = np.flatnonzero(~settled)
    return _read(values.take(pa.array(at))).among(at, Result(values)) if len(at) else Result(values)


def _settled(values: pa.Array) -> Mask:
    """True for plain addresses that are as they are to be, as most are."""
    small = pc.and_(pc.match_substring_regex(values, _SMALL), pc.less_equal(pc.binary_length(values), _SHORT))
    settled: Mask = pc.and_not(small, pc.match_substring_regex(values, _SPECIAL_END)).to_numpy(zero_copy_only=False)
    return settled


def _read(values: pa.Array) -> Result:
    values, others = _first_of_several(values)
    odd = pc.match_substring_regex(values, r"""(?i)[<>\s;,"]|^mailto:|\.$|^'.*'$""")
    unwrapped = pa.array([_unwrap(value) for value in values.filter(odd).to_pylist()], pa.string())
    values = trim(pc.replace_with_mask(values, odd, unwrapped))
    local = pc.replace_substring_regex(values, r"@[^@]*$", "")
    domain = pc.utf8_lower(pc.replace_substring_regex(values, r"^.*@", ""))
    at = pc.match_substring(values, "@")
    shouted = pc.equal(values, pc.utf8_upper(values))
    tidy = pc.if_else(at, pc.binary_join_element_wise(local, domain, "@"), values)
    tidy = pc.if_else(shouted, pc.utf8_lower(tidy), tidy)
    plain = pc.and_(
        pc.and_(pc.match_substring_regex(tidy, _PLAIN), pc.invert(pc.match_substring_regex(tidy, _SPECIAL))),
        pc.less_equal(pc.utf8_length(tidy), 254),
    )
    left = pc.invert(pc.and_(plain, pc.less_equal(pc.utf8_length(local), 64)))
    judged = [_judge(value) for value in tidy.filter(left).to_pylist()]
    out = pc.replace_with_mask(tidy, left, pa.array([address for address, _ in judged], pa.string()))
    reasons: list[str | None] = [None] * len(tidy)
    for number, (_, reason) in zip(np.flatnonzero(left.to_numpy(zero_copy_only=False)), judged, strict=True):
        reasons[number] = reason
    several = failures("emails_left_out", others, _SPLIT_HINT, Severity.WARNING, replaces=True)
    return Result(out, (*failures("invalid_email", reasons, _HINT), *several))


def _first_of_several(values: pa.Array) -> tuple[pa.Array, list[str | None]]:
    """Texts with several addresses become the first valid one; what is said of them, or None."""
    told: list[str | None] = [None] * len(values)
    several = pc.greater(pc.count_substring(values, "@"), 1)
    if not pc.any(several).as_py():
        return values, told
    out = values.to_pylist()
    for number in np.flatnonzero(several.to_numpy(zero_copy_only=False)):
        found = [_judge(piece)[0] for piece in _pieces(out[number])]
        first = next(filter(None, found), None)
        if first is not None and len(found) > 1:
            out[number] = first
            told[number] = f"holds several addresses; {first} is taken, the others are left out"
    return pa.array(out, pa.string()), told


def _pieces(value: str) -> list[str]:
    """The addresses in a text; none where a piece is no address, because then it is not a list."""
    inner = _INNER.findall(value)
    if len(inner) > 1:
        return [piece.strip() for piece in inner]
    pieces = [_unwrap(piece) for piece in _BETWEEN.split(value) if piece.strip()]
    return pieces if all(piece.count("@") == 1 for piece in pieces) else []


def _unwrap(value: str) -> str:
    match = _WRAPPED.match(value)
    return (match[1] or match[2] or "") if match else value
