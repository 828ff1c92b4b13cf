"""A draft as text for a terminal: a table of the columns, the layout and key, notes, and the questions."""

import shlex
import textwrap
from collections.abc import Sequence

from importer.drafting.draft import Draft, DraftColumn
from importer.drafting.mapping_text import one_line
from importer.drafting.skip_rules import Question
from importer.wording import shortened

_HEADS = ("column", "samples", "filled", "field", "confidence", "why")
_LEAST = (12, 8, 6, 18, 10, 12)
_WHY = {"code": "known header"}
_SHOWN = {
    "ignore": "ignored",
    "skip_rule": "which rows to skip",
    "reference_id": "reference_id (key)",
    "parent_key": "key of the customer",
}
_WHOLE = ("address_line_1", "city")
_NO_KEY = "No column identifies a customer."


def draft_text(draft: Draft, width: int) -> str:
    lines = []
    if draft.fits is not None:
        lines += [f"The mapping {draft.fits[0]} fits: it recognizes {draft.fits[1]:.0%} of the filled columns.", ""]
    places = list(dict.fromkeys((column.file, column.sheet) for column in draft.columns))
    for file, sheet in places:
        if len(places) > 1:
            lines.append(file if sheet is None else f"{file}!{sheet}")
        lines += _table([column for column in draft.columns if (column.file, column.sheet) == (file, sheet)], width)
        lines.append("")
    key = one_line(draft.identified_by)
    lines.append(f"{draft.rows_in_words}. {f'A customer is identified by: {key}.' if key else _NO_KEY}")
    for text in draft.notes:
        lines += textwrap.wrap(one_line(text), width, subsequent_indent="  ")
    for question in draft.questions:
        state = "Assumed" if question in draft.open else "Answered"
        lines += ["", *_question_lines(question, width, state, draft.answers[question.id])]
    return "\n".join(lines)


def _question_lines(question: Question, width: int, state: str, assumed: str) -> list[str]:
    """A question, with the assumed answer, and how to answer it with an option."""
    text = textwrap.wrap(f"? {one_line(question.text)}", width, subsequent_indent="  ")
    answer = f"  {state}: {one_line(assumed)}. Choices: {', '.join(map(one_line, question.choices))}."
    other = next((choice for choice in question.choices if choice != assumed), assumed)
    example = f"  For example: --answer {shlex.quote(one_line(f'{question.id}={other}'))}"
    return [*text, *textwrap.wrap(answer, width, subsequent_indent="  "), example]


def _table(columns: Sequence[DraftColumn], width: int) -> list[str]:
    rows = [
        (
            one_line(column.header),
            "; ".join(map(one_line, column.samples)),
            f"{column.filled:.0%}",
            _targets(column.targets),
            f"{column.confidence:.0%}" if column.confidence else "",
            ", ".join(_WHY.get(why, why) for why in column.why) if column.confidence else "",
        )
        for column in columns
    ]
    widths = [max(len(head), *(len(row[at]) for row in rows)) for at, head in enumerate(_HEADS)]
    widths[0] = min(widths[0], max(width // 5, _LEAST[0]))
    widths[5] = min(widths[5], max(width // 6, _LEAST[5]))
    fixed = widths[0] + widths[2] + widths[4] + widths[5] + 2 * (len(_HEADS) - 1)
    free = max(width - fixed, _LEAST[1] + _LEAST[3])
    widths[3] = min(widths[3], max(free // 2, _LEAST[3]))
    widths[1] = max(min(widths[1], free - widths[3]), _LEAST[1])
    lines = [_line(_HEADS, widths), _line(["-" * width for width in widths], widths)]
    return lines + [_line(row, widths) for row in rows]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(shortened(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _targets(targets: Sequence[str]) -> str:
    """``billing address, whole`` instead of all of its parts."""
    prefixes = {target.rpartition(".")[0] for target in targets}
    names = [target.rpartition(".")[2] for target in targets]
    if len(prefixes) == 1 and all(name in names for name in _WHOLE) and len(names) > len(_WHOLE):
        return f"{_short(prefixes.pop())} address, whole"
    return ", ".join(_SHOWN.get(target, _short(target)) for target in targets) or "-"


def _short(target: str) -> str:
    """``billing city`` for ``addresses.billing.city``, so that a narrow column shows what matters."""
    plain = (
        target.replace("addresses.any.", "address ")
        .removeprefix("addresses.")
        .replace("contacts[", "contact ")
        .replace("].", " ")
    )
    return plain.replace("[", " ").replace(".", " ")
