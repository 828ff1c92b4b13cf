"""Questions of a command: answered beforehand with ``--answer``, or by the person at the terminal."""

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Protocol

import typer

from importer.cli.output import safe, say
from importer.errors import UsageError

AnswerOption = Annotated[
    list[str] | None,
    typer.Option("--answer", metavar="ID=CHOICE", help="Answer a question; can be repeated.", rich_help_panel="Source"),
]


class Question(Protocol):
    """``choices``: what can be answered; ``proposed``: the one that counts without an answer."""

    @property
    def text(self) -> str: ...
    @property
    def choices(self) -> tuple[str, ...]: ...
    @property
    def proposed(self) -> str: ...


def read_answers(given: Iterable[str]) -> dict[str, str]:
    """``ID=CHOICE`` as a table. Ids with a colon end in the name of a column or file, and other choices are columns.

    So the last ``=`` of ``skip:Paid = x=keep`` counts, and the first one of ``key=No. = ID``.
    """
    answers = {}
    for text in given:
        cut = str.rpartition if ":" in text.partition("=")[0] else str.partition
        name, sign, choice = cut(text, "=")
        if not sign or not name:
            raise UsageError(f"--answer {text!r} has no =", "Write it as ID=CHOICE, such as skip:Status=keep.")
        answers[name] = choice
    return answers


def asked(question: Question, examples: Sequence[str] = ()) -> str:
    """The choice of the person at the terminal; Enter takes what is proposed."""
    say(f"\n? {safe(question.text)}")
    for example in examples:
        say(f"  {safe(example)}")
    for number, choice in enumerate(question.choices, start=1):
        mark = " (proposed)" if choice == question.proposed else ""
        say(f"  {number}. {safe(choice)}{mark}")
    while True:
        print("  Number, or Enter for the proposed one: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        text = line.strip()
        if not text:
            return question.proposed
        if text.isdigit() and 1 <= int(text) <= len(question.choices):
            return question.choices[int(text) - 1]
        if text in question.choices:
            return text
