"""The named transforms of the mapping language. Each takes the distinct values of a column and gives new ones."""

import contextlib
import importlib.util
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial, reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import MappingError
from importer.mapping.columns import trim
from importer.mapping.transform_results import TransformResult, failures, read_each
from importer.mapping.transforms.countries import country, state
from importer.mapping.transforms.emails import email
from importer.mapping.transforms.person_names import first_name, last_name
from importer.mapping.transforms.phone_text import labelled
from importer.mapping.transforms.phones import phone
from importer.mapping.transforms.text_forms import INVISIBLE, WIDE_SPACE, decode, narrow
from importer.records import Severity
from importer.wording import nearest

Argument = Literal["none", "text", "pair", "texts"]

_MARKED = r"^'([=+@-][^']*)$"
_FIRST_YEAR = 1583  # of the calendar
# Curly double quotes from a word processor. A curly apostrophe stays: it is often part of a name (O\u2019Neil).
_QUOTES = "[\u201c\u201d\u201e\u201f]"
# UTF-8 read as cp1252 or Latin-1: the letter of a lead byte, then the characters of its continuation bytes.
_BYTES = "".join(bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0xC0)).replace("\ufffd", "")
_CONTINUATION = f"[\x80-\xbf{re.escape(_BYTES)}]"
_GARBLED = re.compile(f"[\xc2-\xdf]{_CONTINUATION}|[\xe0-\xef]{_CONTINUATION}{{2}}|[\xf0-\xf4]{_CONTINUATION}{{3}}")
_ENCODING = "Export it again as UTF-8, or set the right --encoding. If your system shows it like this, fix it there."


@dataclass(frozen=True)
class TransformSpec:
    """A transform of the language. ``code``: the one by which reports count the values that it rewrote."""

    run: Callable[..., TransformResult]
    about: str
    argument: Argument = "none"
    by_country: bool = False
    code: str = ""


@dataclass(frozen=True)
class TransformStep:
    """A transform as named in a mapping, with its argument."""

    name: str
    argument: Any = None


def parse_step(item: Any) -> TransformStep:
    """``phone`` or ``{date: "%d.%m.%Y"}`` → the step. Raises ``ValueError`` that names what is wrong and exists."""
    if isinstance(item, TransformStep):
        return item
    name, argument = (item, None) if isinstance(item, str) else _only_item(item)
    if name not in TRANSFORMS:
        near = nearest(name.strip().casefold(), TRANSFORMS)
        guess = f"did you mean {near[0]!r}?" if near else f"valid transforms: {', '.join(sorted(TRANSFORMS))}"
        raise ValueError(f"no transform {name!r}; {guess}")
    spec = TRANSFORMS[name]
    if spec.argument == "none" and argument is not None:
        raise ValueError(f"transform {name} takes no argument")
    if spec.argument == "text" and not isinstance(argument, str):
        raise ValueError(f"transform {name} needs text: {{{name}: …}}")
    if spec.argument == "pair" and not (isinstance(argument, list) and len(argument) == 2):
        raise ValueError(f"transform {name} needs a pair: {{{name}: [old, new]}}")
    if spec.argument == "texts":
        argument = argument if isinstance(argument, list) else [argument]
        if not argument or not all(isinstance(text, str) and text.strip() for text in argument):
            raise ValueError(f"transform {name} needs one or more labels: {{{name}: [first choice, second choice]}}")
    _check_argument(name, argument)
    return TransformStep(name, tuple(argument) if isinstance(argument, list) else argument)


def _only_item(item: Any) -> tuple[str, Any]:
    if not isinstance(item, dict) or len(item) != 1:
        raise ValueError("a transform is a name, or one name with its argument: {date: '%d.%m.%Y'}")
    name, argument = next(iter(item.items()))
    return str(name), argument


def _check_argument(name: str, argument: Any) -> None:
    pattern = argument if name == "extract" else argument[0] if name == "regex" else None
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{name}: not a regular expression: {error}") from error
    if name == "extract" and re.compile(argument).groups > 1:
        raise ValueError("extract: at most one group, the part to keep")
    if name == "python" and not re.fullmatch(r"[^:]+\.py:[A-Za-z_]\w*", argument):
        raise ValueError("python: write file.py:function; the file is in the mapping's folder or below it")
    if name == "date" and "%" not in argument:
        raise ValueError("date: needs the format in the file, such as '%d/%m/%Y' or '%m/%d/%Y'")


def run_step(step: TransformStep, values: pa.Array, countries: pa.Array, folder: Path) -> TransformResult:
    """Run one step over distinct values (with each one's country, null if unknown); ``folder`` holds the mapping."""
    spec = TRANSFORMS[step.name]
    if spec.by_country:
        return spec.run(values, countries)
    if step.name == "python":
        return _python(values, step.argument, folder)
    return spec.run(values) if spec.argument == "none" else spec.run(values, step.argument)


def _tidy(values: pa.Array) -> TransformResult:
    """Letters in one piece (NFC), plain spaces, straight double quotes, nothing invisible; a warning for mojibake.

    An apostrophe before a sign that begins a formula is removed: programs add it so that spreadsheets show the text.
    """
    values = pc.replace_substring_regex(values, _MARKED, r"\1")
    at = np.flatnonzero(pc.invert(pc.string_is_ascii(values)).to_numpy(zero_copy_only=False))
    if not len(at):
        return TransformResult(values)
    given = values.take(pa.array(at))
    meant = (_repaired_encoding(text) if _GARBLED.search(text) else None for text in given.to_pylist())
    messages = [f"looks like {text!r} read with the wrong encoding" if text else None for text in meant]
    some = pc.utf8_normalize(given, form="NFC")
    for pattern, by in ((WIDE_SPACE, " "), (INVISIBLE, ""), (_QUOTES, '"')):
        some = pc.replace_substring_regex(some, pattern, by)
    return TransformResult(trim(some), failures("mojibake", messages, _ENCODING, Severity.WARNING)).among(
        at, TransformResult(values)
    )


def _repaired_encoding(text: str) -> str | None:
    """The intended text, or None if the text is not UTF-8 that was read with another encoding."""
    try:
        raw = b"".join(letter.encode("latin-1" if ord(letter) < 0x100 else "cp1252") for letter in text)
        return raw.decode("utf-8")
    except UnicodeError:
        return None


def _text(function: Callable[[pa.Array], pa.Array]) -> Callable[[pa.Array], TransformResult]:
    return lambda values: TransformResult(function(values))


def _without(pattern: str, by: str = "") -> Callable[[pa.Array], TransformResult]:
    """Replace a pattern in whole columns (RE2 syntax) and trim what is left."""
    return lambda values: TransformResult(trim(pc.replace_substring_regex(values, pattern, by)))


def _post_code(values: pa.Array) -> TransformResult:
    hyphens = pc.replace_substring_regex(narrow(values), r"[\x{2010}-\x{2015}\x{2212}\x{30fc}]", "-")
    return _without(r"^\x{3012}\s*|[\s.,;\-]+$")(hyphens)


def _replace(values: pa.Array, argument: Sequence[str]) -> TransformResult:
    return TransformResult(trim(pc.replace_substring(values, argument[0], argument[1])))


def _one_line(values: pa.Array, argument: str) -> TransformResult:
    pattern = r"\s*[\t\r\n\v\f\x{85}\x{2028}\x{2029}]+\s*"
    return TransformResult(pc.replace_substring_regex(values, pattern, argument.replace("\\", r"\\")))


def _regex(values: pa.Array, argument: Sequence[str]) -> TransformResult:
    pattern = re.compile(argument[0])
    return TransformResult(
        trim(pa.array([pattern.sub(argument[1], value) for value in values.to_pylist()], pa.string()))
    )


def _extract(values: pa.Array, argument: str) -> TransformResult:
    pattern = re.compile(argument)
    found = (pattern.search(value) for value in values.to_pylist())
    kept = [None if match is None else match[match.re.groups] for match in found]
    return TransformResult(trim(pa.array(kept, pa.string())))


_DATE_PARTS = {"%d": "DD", "%m": "MM", "%Y": "YYYY", "%y": "YY", "%b": "MMM"}  # as people write a format


def shown_format(argument: str) -> str:
    """``%m/%d/%Y`` as people write it: ``MM/DD/YYYY``."""
    return reduce(lambda text, part: text.replace(*part), _DATE_PARTS.items(), argument)


def _date(values: pa.Array, argument: str) -> TransformResult:
    """A date in the given format → ``YYYY-MM-DD``; a workbook's dates come as ISO text and pass as they are."""

    def read(value: str) -> tuple[str | None, str | None]:
        for form in (argument, "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"):
            with contextlib.suppress(ValueError):
                date = datetime.strptime(value, form).date()  # noqa: DTZ007 - dates have no zone
                early = date.year < _FIRST_YEAR  # 0019 instead of 2019, or 0001-01-01, which means that there is none
                return (None, f"is in the year {date.year}") if early else (date.isoformat(), None)
        return None, f"is not a valid date in the format {shown}"

    shown = shown_format(argument)
    return read_each(values, read, "invalid_date", f"Enter the date as {shown}.")


_SPACES = r"[\s\x{00a0}\x{2000}-\x{200a}\x{202f}\x{3000}]+"
# Access and Visual Basic write yes as -1.
_YES = frozenset({
    *("yes", "y", "t", "true", "1", "1.0", "-1", "tyes", "x", "on", "active", "\u2713", "\u2714", "\u2611"),
    *("ja", "wahr", "oui", "vrai", "si", "sí", "sì", "verdadero", "vero", "waar", "sim", "verdadeiro", "tak", "prawda"),
    *("ano", "áno", "kyllä", "igen", "evet"),
})  # fmt: skip
_NO = frozenset({
    *("no", "n", "f", "false", "0", "0.0", "tno", "off", "inactive", "-", "\u2610"),
    *("nein", "falsch", "non", "faux", "falso", "nee", "onwaar", "nej", "nei", "não", "nao", "nie", "fałsz", "ne"),
    *("ei", "nem", "hay\u0131r"),
})  # fmt: skip


def read_flag(value: str) -> bool | None:
    """A flag as exports write it: yes, no, or None for what is neither."""
    text = value.casefold().strip()
    return True if text in _YES else False if text in _NO else None


def _flag(values: pa.Array, *, inverted: bool) -> TransformResult:
    def read(value: str) -> tuple[str | None, str | None]:
        flag = read_flag(value)
        return (None, "is neither yes nor no") if flag is None else (str(flag != inverted).lower(), None)

    hint = "Enter Yes or No. Also accepted: Y/N, T/F, TRUE/FALSE, 1/0, on/off, Active/Inactive."
    return read_each(values, read, "invalid_flag", hint)


@cache
def _load_function(path: Path, name: str) -> Callable[[str], str | None]:
    spec = importlib.util.spec_from_file_location(f"importer_mapping_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise MappingError(f"{path}: no such Python file", "Put it in the mapping's folder or below it.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise MappingError(f"{path}: {type(error).__name__}: {error}", "Fix the function's file.") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise MappingError(f"{path}: has no function {name!r}")
    return function  # type: ignore[no-any-return]  # whatever the user's file defines


def _python(values: pa.Array, argument: str, folder: Path) -> TransformResult:
    """Call the user's function once for each distinct value: text in, text or None out; ValueError is a problem."""
    file, _, name = argument.rpartition(":")
    function = _load_function(folder / file, name)

    def read(value: str) -> tuple[str | None, str | None]:
        try:
            found: object = function(value)
        except ValueError as error:
            return None, str(error) or "was rejected by the mapping's function"
        except Exception as error:
            raise MappingError(
                f"{folder / file}: {name}({value!r}) failed: {type(error).__name__}: {error}",
                "A function of a mapping returns text or None, and raises ValueError for a wrong value.",
            ) from error
        if found is not None and not isinstance(found, str):
            kind = type(found).__name__
            raise MappingError(f"{folder / file}: {name}({value!r}) returned {kind}, not text or None")
        return found, None

    result = read_each(values, read, "function_refused", "See the mapping's function for what it accepts.")
    return TransformResult(trim(result.values), result.findings)


_TIDIED, _DECODED, _NAME = "text_tidied", "text_decoded", "name_taken_apart"
TRANSFORMS: dict[str, TransformSpec] = {
    "text": TransformSpec(TransformResult, "leaves the text as it is (switches a field's own transform off)"),
    "decode": TransformSpec(
        decode, "decodes HTML entities, tags, and %20 if the whole value is written that way", code=_DECODED
    ),
    "unescape": TransformSpec(partial(decode, tags=False), "the same, but keeps tags", code=_DECODED),
    "tidy": TransformSpec(
        _tidy, "plain spaces and double quotes, nothing invisible, no apostrophe before =, +, -, and @", code=_TIDIED
    ),
    "upper": TransformSpec(_text(pc.utf8_upper), "UPPER CASE"),
    "lower": TransformSpec(_text(pc.utf8_lower), "lower case"),
    "title": TransformSpec(_text(pc.utf8_title), "Every Word Capitalized"),
    "collapse": TransformSpec(_without(_SPACES, " "), "line breaks and runs of spaces become one space", code=_TIDIED),
    "one_line": TransformSpec(
        _one_line, "line breaks and tabs become the given text: {one_line: ', '}", "text", code=_TIDIED
    ),
    "digits": TransformSpec(_without(r"[^0-9]"), "keeps digits only"),
    "postcode": TransformSpec(_post_code, "removes trailing commas and periods"),
    "unquote": TransformSpec(_without(r"^'"), "removes one leading apostrophe"),
    "replace": TransformSpec(_replace, "replaces one piece of text with another: {replace: [old, new]}", "pair"),
    "regex": TransformSpec(_regex, "replaces what a regular expression matches: {regex: [pattern, new]}", "pair"),
    "extract": TransformSpec(
        _extract, "keeps what a regular expression (or its group) matches: {extract: pattern}", "text"
    ),
    "labelled": TransformSpec(
        labelled, "the number with the first of these labels that the cell has: {labelled: [Phone, Main]}", "texts"
    ),
    "phone": TransformSpec(
        phone, "phone number to E.164; the extension is split off", by_country=True, code="phone_rewritten"
    ),
    "email": TransformSpec(email, "email address, checked and tidied", code="email_rewritten"),
    "country": TransformSpec(country, "country name or code to ISO 3166-1 alpha-2", code="country_rewritten"),
    "state": TransformSpec(
        state, "state or province name to its code, in countries that use them", by_country=True, code="state_rewritten"
    ),
    "flag": TransformSpec(
        partial(_flag, inverted=False), "Yes/No, Y/N, T/F, TRUE/FALSE, 1/0, tYES/tNO", code="flag_rewritten"
    ),
    "not_flag": TransformSpec(partial(_flag, inverted=True), "the same, inverted", code="flag_rewritten"),
    "first_name": TransformSpec(first_name, "the first name(s) of a person; also reads 'Last, First'", code=_NAME),
    "last_name": TransformSpec(last_name, "the last name of a person", code=_NAME),
    "date": TransformSpec(
        _date, "a date in the given format to YYYY-MM-DD: {date: '%d/%m/%Y'}", "text", code="date_rewritten"
    ),
    "python": TransformSpec(_python, "your own function: {python: file.py:function}", "text"),
}
