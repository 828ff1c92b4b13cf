"""Columns whose cells must never leave the source: recognized by their header, or as card numbers by their content."""

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells, header_key
from importer.tables import Mask

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
_MIN_CELLS, _MIN_SHARE, _MIN_DIGITS = 5, 0.8, 13
_CHUNKS = 64  # of a column on disk that may be in memory at once


def _plain(header: str) -> str:
    """``CreditCardNumber``, ``credit_card#`` and ``Credit Card No.`` as words in small letters."""
    text = re.sub(r"#\d+$", "", header.strip())
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", text.replace("#", " number "))
    return " ".join(re.sub(r"[^\w]+", " ", header_key(text)).split())


def is_secret(header: str) -> bool:
    """Whether a header names a payment card, password, token, key, bank account or social security number."""
    return bool(_SECRET.search(_plain(header)))


def is_tax_number(header: str) -> bool:
    """Whether a header names a tax, VAT or resale number; kept only where a mapping names the column."""
    return bool(_TAX.search(_plain(header)))


def holds_card_numbers(header: str, column: pa.ChunkedArray, release_memory: Callable[[], None]) -> bool:
    """Whether 80 % of at least five filled cells are 13 to 19 digits that pass Luhn's check. Columns of ids are exempt.

    ``release_memory``: called after each part of a column on disk.
    """
    if _ID_OR_PHONE.search(_plain(header)):
        return False
    cards: list[pa.Array] = []
    others, unread = 0, len(column)
    for number, chunk in enumerate(column.chunks, start=1):
        unread -= len(chunk)
        long = chunk.filter(pc.greater_equal(pc.binary_length(chunk), _MIN_DIGITS))
        cards.append(long.filter(pc.match_substring_regex(long, _CARD_CELL)))
        others += int(filled_cells(chunk).sum()) - len(cards[-1])
        # A column of anything else is ruled out early, whatever is in its other chunks.
        if others > (sum(map(len, cards)) + unread) * (1 - _MIN_SHARE) / _MIN_SHARE:
            return False
        if number % _CHUNKS == 0:
            release_memory()
    likely = pa.chunked_array(cards, pa.string())
    enough = max(_MIN_CELLS, _MIN_SHARE * (len(likely) + others))
    return len(likely) >= enough and int(_passes_luhn(likely).sum()) >= enough


def _passes_luhn(cards: pa.ChunkedArray) -> Mask:
    """ISO/IEC 7812-1: every second digit from the right is doubled; the sum of all digits is a multiple of ten."""
    digits = pc.replace_substring_regex(cards, r"[^0-9]", "")
    padded = pc.utf8_lpad(digits, 20, "0").combine_chunks().cast(pa.binary())
    text = b"".join(padded.to_pylist())
    numbers = np.frombuffer(text, dtype=np.uint8).reshape(-1, 20).astype(np.int64) - ord("0")
    doubled = numbers[:, 0::2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + numbers[:, 1::2].sum(axis=1)
    passed: Mask = (total % 10 == 0) & (numbers.sum(axis=1) > 0)
    return passed
