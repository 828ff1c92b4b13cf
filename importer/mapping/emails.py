"""E-mail addresses: a pattern for the many plain ones, email-validator for what the pattern leaves."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from email_validator import EmailNotValidError, validate_email

from importer.mapping.columns import trim
from importer.mapping.findings import Result, failures

__all__ = ["email"]

# Plain ASCII addresses whose top-level domain is alphabetic. Special-use and encoded domains are the validator's.
_PLAIN = r"^[A-Za-z0-9_+'-]+(\.[A-Za-z0-9_+'-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$"
_SPECIAL = r"(?i)[@.](test|invalid|local|localhost|example|onion|arpa|internal|lan|home)$|[@.]..--"
_WRAPPED = re.compile(r"^(?:mailto:)?\s*(?:[^<>]*<([^<>]+)>|(.*?))[\s.;,]*$", re.IGNORECASE)
_HINT = "Write one address such as name@example.com."


def _judge(value: str) -> tuple[str | None, str | None]:
    try:
        checked = validate_email(value, check_deliverability=False, strict=False)
    except EmailNotValidError as error:
        return None, f"is not an e-mail address: {error}"
    return checked.normalized, None


def email(values: pa.Array) -> Result:
    """Addresses without ``mailto:``, angle brackets and a trailing dot or semicolon, the domain in lower case.

    An address written wholly in capitals is written small: no mail system in use tells them apart, and ERPs shout.
    """
    odd = pc.match_substring_regex(values, r"(?i)[<>\s;,]|^mailto:|\.$")
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
    plain = pc.and_(plain, pc.less_equal(pc.utf8_length(local), 64)).to_numpy(zero_copy_only=False)
    reasons: list[str | None] = [None] * len(tidy)
    out = tidy.to_pylist()
    for number in np.flatnonzero(~plain):
        out[number], reasons[number] = _judge(out[number])
    return Result(pa.array(out, pa.string()), failures("invalid_email", reasons, _HINT))


def _unwrap(value: str) -> str:
    match = _WRAPPED.match(value)
    return (match[1] or match[2] or "") if match else value
