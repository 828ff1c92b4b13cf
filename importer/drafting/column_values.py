"""Facts about the values of a column, used to contradict or clarify headers, and to find keys."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells
from importer.drafting.lexicon import letters_and_digits, lexicon
from importer.mapping.transforms.countries import country_code
from importer.mapping.transforms.person_names import is_company
from importer.mapping.transforms.text_forms import BlankTexts

_LOOKED_AT = 400  # distinct values of a column that are read
_SAMPLES = 3
_SHORT_FORM = 3  # letters
_BLANK_TEXTS = BlankTexts()
# Country codes of vehicles, which are also used in lists of addresses.
VEHICLE_CODES = {
    "A": "AT", "B": "BE", "D": "DE", "E": "ES", "F": "FR", "FIN": "FI", "FL": "LI", "H": "HU", "I": "IT", "IRL": "IE",
    "L": "LU", "N": "NO", "P": "PT", "S": "SE", "SLO": "SI",
}  # fmt: skip
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"[+(\d][\d\s()./\-\u2013]*(?:\s*(?:x|ext|#)\.?\s*\d+)?")
_LABEL = re.compile(r"[^\W\d_]{2,}\.?\s*:\s*[+(]?\d")
_URL = re.compile(
    r"(?:https?://|www\.)\S+|[\w-]+(?:\.[\w-]+)*\.(?:com|de|net|org|fr|nl|it|es|se|dk|no|pl|ch|at|be|eu|co|io)(?:/\S*)?",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?:[ ].*)?"
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])"
)
_NUMBER = re.compile(r"[-+]?[€$£]?\s?\d[\d.,'\s]*\s?[%€$£]?(?:EUR|USD|CHF)?")
_GUID = re.compile(r"\{?[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\}?")
_ZIP = re.compile(
    r"(?:[A-Za-z]{1,3}[- ]?)?\d[\dA-Za-z]{1,5}(?:[-\s]?[\dA-Za-z]{2,4})?"
    r"|[A-Za-z]{1,2}\d[\dA-Za-z]?\s*\d[A-Za-z]{2}|[A-Z]\d\d\s?[A-Z\d]{4}"
)
_TOWN_WITH_CODE = re.compile(
    r"(?:\b[A-Z]{1,3}-)?\b\d{4,6}\b(?:[ -]?[A-Z]{2}\b)?|\b[A-Z]\d[A-Z]\s?\d[A-Z]\d\b|\b\d{2}-\d{3}\b|\b\d{3}\s\d{2}\b"
    r"|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
)
_CODE_AT_END = re.compile(r"[a-z.\s,(/-][ (-]?[A-Z]{2,3}\)?$|[ -]\(?[A-Z]{2}\)?$|\b[A-Z]{2}\s+\d{5}(?:-\d{4})?$")
_IDEOGRAPH = re.compile(r"[\u3400-\u9fff]")  # a word by itself
_LEGAL_FORMS = lexicon().cell_words("legal_form")
_SALUTATIONS = lexicon().cell_words("salutation")
_FLAGS = lexicon().cell_words("yes", "no") | {"t", "f", "x", "true", "false", "y", "n", "yes", "no", "tyes", "tno"}
Test = Callable[[str], object]  # passes if the result is truthy


def _share(test: Test) -> "cached_property[float]":
    """A cached property of a column: the share of its distinct values that pass a test."""
    return cached_property(lambda column: column.share(test))


def _is_whole_address(text: str) -> bool:
    pieces = [piece for piece in re.split(r"[,;\n]\s*|\s-\s|<br */?>", text) if piece.strip()]
    return (
        len(text) >= 15
        and len(pieces) >= 2
        and sum(map(str.isalpha, text)) >= 8
        and any(map(str.isdigit, text))
        and (_TOWN_WITH_CODE.search(text) is not None or len(pieces) >= 3)
    )


def _is_company(text: str) -> bool:
    """Whether a name ends with a legal form: ``Holub s.r.o.``, ``Lopes, Lda``; short ones must not look like a name."""
    if is_company(text):
        return True
    pieces = text.split()
    for count in range(1, min(4, len(pieces))):
        end = " ".join(pieces[-count:])
        form = letters_and_digits(end)
        if form in _LEGAL_FORMS:
            marked = not end[1:].islower() or "." in end or pieces[-count - 1].endswith(",")
            return marked or len(form) > _SHORT_FORM
    return False


@dataclass(frozen=True)
class ColumnValues:
    """A column of a table. ``filled``: the share of its rows that are filled; ``distinct``: how many different values.

    ``texts``: up to 400 different values, trimmed, in the order of the file; ``counts``: how often each occurs.
    """

    filled: float
    rows: int
    distinct: int
    texts: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def samples(self) -> list[str]:
        return list(self.texts[:_SAMPLES])

    @property
    def count(self) -> int:
        return round(self.filled * self.rows)

    @property
    def blank(self) -> bool:
        return not self.texts

    @property
    def unique(self) -> bool:
        """Whether every filled row has a different value."""
        return self.rows > 0 and self.distinct == self.count

    def share(self, test: Test) -> float:
        """The share of the distinct values that pass a test; 0 if there are none."""
        return sum(bool(test(text)) for text in self.texts) / len(self.texts) if self.texts else 0.0

    # These are shares of the distinct values.
    emails = _share(EMAIL.search)
    phones = _share(  # that look like a phone number and not like a date
        lambda text: (
            _PHONE.fullmatch(text) and 6 <= sum(letter.isdigit() for letter in text) <= 16 and not _DATE.fullmatch(text)
        )
    )
    labelled = _share(_LABEL.search)  # ``Phone:(555) 010-1234 Fax:…``
    digits_enough = _share(lambda text: sum(map(str.isdigit, text)) >= 5)  # like every phone number
    urls = _share(_URL.fullmatch)
    dates = _share(_DATE.fullmatch)
    numbers = _share(_NUMBER.fullmatch)  # plain numbers and amounts
    guids = _share(_GUID.fullmatch)
    zips = _share(lambda text: _ZIP.fullmatch(text) and len(text) <= 10)
    countries = _share(
        lambda text: text.upper() in VEHICLE_CODES or (len(text) <= 60 and country_code(text) is not None)
    )
    lettered = _share(lambda text: sum(map(str.isalpha, text)) >= 2 or _IDEOGRAPH.search(text))
    with_digits = _share(lambda text: any(map(str.isdigit, text)))
    companies = _share(lambda text: len(text) <= 80 and _is_company(text))  # certain because of their legal form
    salutations = _share(lambda text: all(letters_and_digits(word) in _SALUTATIONS for word in text.split()))
    whole_addresses = _share(_is_whole_address)
    towns_with_codes = _share(
        lambda text: len(text) < 60 and _TOWN_WITH_CODE.search(text) and sum(map(str.isalpha, text)) >= 3
    )
    codes_at_end = _share(_CODE_AT_END.search)  # ``24121 BERGAMO-BG``, ``Austin, TX``
    spaced = _share(lambda text: " " in text)
    flags = _share(lambda text: letters_and_digits(text) in _FLAGS or text in ("0", "1", "-1"))

    @property
    def quoted(self) -> bool:
        """Whether most values begin with an apostrophe, which keeps spreadsheets from changing them."""
        return self.share(lambda text: text.startswith("'")) > 0.5

    def words(self, *names: str) -> float:
        """The share of the distinct values that are cell words of these kinds."""
        known = lexicon().cell_words(*names)

        def is_one(text: str) -> bool:
            parts = re.split(r"\s*[,;|/]\s*", text) if len(text) < 80 else []
            return any(letters_and_digits(one) in known for one in (text, *parts))

        return self.share(is_one)

    @property
    def flags_only(self) -> bool:
        return self.distinct <= 3 and self.flags > 0.99

    @property
    def few(self) -> bool:
        """Whether there are so few different values that they can be categories."""
        return 0 < self.distinct <= max(12, self.rows // 20)


def column_values(column: pa.ChunkedArray) -> ColumnValues:
    """The facts about a column of text: counts over all of it, and up to 400 of its distinct values."""
    filled = filled_cells(column)
    values = pc.utf8_trim_whitespace(column.filter(pa.array(filled)))
    counted = pc.value_counts(values)
    written = ~_BLANK_TEXTS.among(counted.field("values"), "")  # like the mapping, leave out texts that mean a blank
    counted = counted.filter(pa.array(written))
    texts = counted.field("values").slice(0, _LOOKED_AT).to_pylist()
    counts = counted.field("counts").slice(0, _LOOKED_AT).to_pylist()
    share = (pc.sum(counted.field("counts")).as_py() or 0) / max(len(column), 1)
    return ColumnValues(share, len(column), len(counted), tuple(texts), tuple(counts))
