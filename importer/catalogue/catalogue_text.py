"""The catalogue as text for people: in a terminal, and on the page ``mappings/PROBLEMS.md``.

``python -m importer.catalogue.catalogue_text > mappings/PROBLEMS.md`` writes the page.
"""

import sys
import textwrap
from collections.abc import Iterator

from importer.catalogue import CHAPTERS, CODES, Code
from importer.records import Severity

_EFFECTS = {
    Severity.ERROR: "the customer or row is not sent",
    Severity.WARNING: "the customer is still sent",
    Severity.INFO: "not an error",
}
_HEAD = """\
# Problems

Every problem that a report can show, by its code in `errors.csv`, `report.html`, and `results.csv`.
`importer explain CODE` shows the same text in a terminal. An **error** stops its customer or row from being sent, or
says what needs attention after sending. A **warning** usually stops nothing; if it does, its entry says so.
An **info** message says what was changed, left out, or not checked. *Rejected* means that the importer found a problem
and did not send the customer or row; *refused* means that WizCommerce did not accept it.

A mapping can change the severity of many codes: see
[Severity](README.md#severity). If it cannot, this page says why.
"""


def codes_text(width: int) -> str:
    """All codes by chapter, one line each, at most ``width`` columns wide."""
    names = max(map(len, CODES))
    blocks = []
    for title, codes in CHAPTERS.items():
        lines = [title]
        for code in codes:
            indent = " " * (names + 13) if width > names + 40 else " " * 4
            head = f"  {code.name:<{names}}  {code.severity:<7}  "
            lines.append(textwrap.fill(head + code.title, width, subsequent_indent=indent, break_on_hyphens=False))
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, textwrap.fill("`importer explain CODE` explains a code.", width)])


def code_text(code: Code, width: int) -> str:
    """The explanation of one code, at most ``width`` columns wide."""
    paragraphs = [
        f"{code.name}: {code.title}",
        severity_text(code),
        code.explanation,
        f"What to do: {code.fix}",
        f"Example: {code.example}",
    ]
    return "\n\n".join(textwrap.fill(text, width, break_on_hyphens=False) for text in paragraphs)


def severity_text(code: Code) -> str:
    """The effect of the code's severity, and whether a mapping can change it."""
    effect = f"{code.severity.capitalize()}: {code.effect or _EFFECTS[code.severity]}."
    if code.locked:
        return f"{effect} A mapping cannot change this: {code.locked}."
    return f"{effect} A mapping can change this under `severity`."


def page_text() -> str:
    """The page with all codes, as in ``mappings/PROBLEMS.md``."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield _HEAD
    for title, codes in CHAPTERS.items():
        yield f"- [{title}](#{_anchor(title)}): " + ", ".join(f"[`{code.name}`](#{code.name})" for code in codes)
    for title, codes in CHAPTERS.items():
        yield f"\n## {title}"
        for code in codes:
            yield f"\n### {code.name}\n\n**{code.title}.** {code.explanation}\n"
            yield f"- What to do: {code.fix}"
            yield f"- Example: {code.example}"
            yield f"- {severity_text(code)}"


def _anchor(title: str) -> str:
    return "".join(mark for mark in title.lower().replace(" ", "-") if mark.isalnum() or mark == "-")


if __name__ == "__main__":
    sys.stdout.write(page_text())
