"""Columns whose cells must never leave the source: recognised by their header, or as card numbers by their content."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.tables import header_key

__all__ = ["holds_card_numbers", "is_secret", "is_tax_number"]

_NUMBER = r"(?:numbers?|no|num|nbr|nr)"
_SECRET = re.compile(
    rf"""(?<!accept\ )(?<!accepts\ )(?<!allow\ )(?<!allows\ )\b(?:credit|debit|payment|bank)\ ?card
            (?!\ (?:type|brand|fee|surcharge|terms|accepted|allowed)s?\b)
    | (?<!business\ )(?<!loyalty\ )(?<!member\ )(?<!membership\ )(?<!customer\ )(?<!gift\ )(?<!reward\ )(?<!rewards\ )
            \bcard\ ?{_NUMBER}\b
    | \bcc\ ?(?:{_NUMBER}|exp\w*|cvv\d?|last\ ?(?:4|four))\b
    | \b(?:cvv|cvc)\ ?2?\b | \bcard\ (?:security|verification)\b
    | \bcard\ (?:exp\w*|valid)\b | \bexp(?:iry|iration|ires)?\b.*\bcard\b
    | password | passwd | \bpwd\b | \bpass\ ?(?:phrase|code)\b
    | \b(?:rp|access|api|auth|refresh|reset)?tokens?\b | \bsecrets?\b | \b(?:api|access|private)\ ?key\b
    | \bbank\ ?(?:account|acct|a\ c)\b | \biban\b | \bbank\ routing\b | \bssn\b | \bsocial\ security\b""",
    re.VERBOSE,
)
_TAX = re.compile(
    rf"""\b(?:tax|vat|gst|sales\ tax)\ ?(?:payer\ |file\ |reg(?:istration)?\ )?
            (?:ids?|identification|identifier|{_NUMBER}|reg(?:istration)?|certificate)\b
            (?!\ (?:name|type|label|country)\b)
    | \b(?:f?ein|gstin|abn|i?tin|taxpayer\ id)\b(?!\ (?:name|type|label)\b)
    | \bresale\ ?(?:{_NUMBER}|ids?|cert\w*|licen[cs]e|permit)\b | \breseller\ ?(?:{_NUMBER}|ids?|permit|cert\w*)\b
    | \b(?:seller|sellers)\ permit\b | \btax\ exempt(?:ion)?\ (?:ids?|{_NUMBER}|cert\w*)\b""",
    re.VERBOSE,
)
_ID_OR_PHONE = re.compile(
    r"\b(?:ids?|code|key|no|num|number|account|reference|ref|barcode|ean|gtin|imei|phone|telephone|tel|mobile|cell|fax|gsm)\b"
)
_CARD_CELL = r"^\s*\d(?:[ -]?\d){12,18}\s*$"
_SHORTEST, _LONGEST = 13, 63  # bytes, with spaces
_ENOUGH_CELLS, _ENOUGH_SHARE = 5, 0.8
_CHUNKS = 64  # of a column on disk that may lie in memory at once


def _plain(header: str) -> str:
    """``CreditCardNumber``, ``credit_card#`` and ``Credit Card No.`` as words in small letters."""
    text = re.sub(r"#\d+$", "", header.strip())
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", text.replace("#", " number "))
    return " ".join(re.sub(r"[^\w]+", " ", header_key(text)).split())


def is_secret(header: str) -> bool:
    """Whether the header says: payment card, password, token, key, bank account or social security number."""
    return bool(_SECRET.search(_plain(header)))


def is_tax_number(header: str) -> bool:
    """Whether the header says: tax, VAT or resale number; kept only where a mapping names the column."""
    return bool(_TAX.search(_plain(header)))


def holds_card_numbers(header: str, column: pa.ChunkedArray, forget: Callable[[], None]) -> bool:
    """Whether 80 % of at least five cells are 13 to 19 digits that pass Luhn's check, and the header says no id.

    ``forget`` is called now and then, where memory need not be kept any more.
    """
    if _ID_OR_PHONE.search(_plain(header)):
        return False
    likely = _likely_cards(column, forget)
    if likely is None:
        return False
    digits = pc.replace_substring_regex(likely.cells, r"[^0-9]", "")
    return int(_passes_luhn(digits).sum()) >= likely.enough


@dataclass(frozen=True)
class _Likely:
    """The cells of a column that look like card numbers, and how many of them are enough to tell."""

    cells: pa.ChunkedArray
    enough: float


def _likely_cards(column: pa.ChunkedArray, forget: Callable[[], None]) -> _Likely | None:
    """The cells that look like card numbers where they are most of those that are filled, else None.

    Of a column of anything else only its first chunks are looked at: it is done with as soon as too many cells have
    been found to be something else.
    """
    most = sum(int(np.count_nonzero(_has_length_of_card(_ends(chunk)))) for chunk in _each(column, forget))
    if most < _ENOUGH_CELLS:
        return None
    found: list[pa.Array] = []
    others = 0
    for chunk in _each(column, forget):
        cards, more = _cards(chunk)
        found.append(cards)
        others += more
        if others > most * (1 - _ENOUGH_SHARE) / _ENOUGH_SHARE:
            return None
    likely = pa.chunked_array(found, pa.string())
    enough = max(_ENOUGH_CELLS, _ENOUGH_SHARE * (len(likely) + others))
    return _Likely(likely, enough) if len(likely) >= enough else None


def _each(column: pa.ChunkedArray, forget: Callable[[], None]) -> Iterator[pa.Array]:
    for number, chunk in enumerate(column.chunks, start=1):
        yield chunk
        if number % _CHUNKS == 0:
            forget()


def _cards(cells: pa.Array) -> tuple[pa.Array, int]:
    """The cells that look like card numbers, and how many others are not blank; the first byte tells of most."""
    ends = _ends(cells)
    at = np.flatnonzero(np.diff(ends))
    first = np.frombuffer(cells.buffers()[2] or b"", np.uint8)[ends[at]]
    maybe_blank, digit = (first <= ord(" ")) | (first > 127), (first >= ord("0")) & (first <= ord("9"))
    if not (maybe_blank | digit).any():
        return cells.slice(0, 0), len(at)
    blank = pc.equal(pc.utf8_trim_whitespace(cells.take(pa.array(at[maybe_blank]))), "")
    candidates = cells.take(pa.array(at[_has_length_of_card(ends)[at] & (maybe_blank | digit)]))
    cards = candidates.filter(pc.match_substring_regex(candidates, _CARD_CELL))
    return cards, len(at) - (pc.sum(blank).as_py() or 0) - len(cards)


def _ends(cells: pa.Array) -> npt.NDArray[np.int32]:
    """Where each text begins in Arrow's own bytes, and where the last one ends."""
    if not len(cells):
        return np.zeros(1, np.int32)
    return np.frombuffer(cells.buffers()[1], np.int32)[cells.offset : cells.offset + len(cells) + 1]


def _has_length_of_card(ends: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    lengths = ends[1:] - ends[:-1]
    fits: npt.NDArray[np.bool_] = (lengths - _SHORTEST).view(np.uint32) <= _LONGEST - _SHORTEST  # shorter is far more
    return fits


def _passes_luhn(digits: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """ISO/IEC 7812-1: every second digit from the right is doubled; the sum of all digits is a multiple of ten."""
    padded = pc.utf8_lpad(digits, 20, "0").combine_chunks().cast(pa.binary())
    text = b"".join(padded.to_pylist())
    numbers = np.frombuffer(text, dtype=np.uint8).reshape(-1, 20).astype(np.int64) - ord("0")
    doubled = numbers[:, 0::2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + numbers[:, 1::2].sum(axis=1)
    passed: npt.NDArray[np.bool_] = (total % 10 == 0) & (numbers.sum(axis=1) > 0)
    return passed
