"""Questions with counts about what a draft cannot know: the key, parents, continued rows, addresses, rows to skip."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow.compute as pc

from importer.cell_text import SAME_ADDRESS, filled_cells
from importer.drafting.assigned_fields import SameAddress
from importer.drafting.column_choices import ColumnChoices, chosen_in
from importer.drafting.skip_rules import LEAVE_OUT, ProposedSkip, Question, chosen_rules, skip_rules
from importer.drafting.table_draft import TableDraft, key_structure, varying_columns
from importer.errors import UsageError
from importer.wording import counted, first_few, nearest

_YES, _NO = "yes", "no"
_MOST_KEYS = 4
_MOST_SHOWN = 3


class Questions:
    """The questions of a draft, with their actual or assumed answers.

    ``asked``: all questions, in order; ``answers``: question ID → choice; ``open``: questions that nobody answered.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.asked: list[Question] = []
        self.answers: dict[str, str] = {}

    @property
    def open(self) -> list[Question]:
        """The questions that nobody answered, so that the proposed answer is assumed."""
        return [question for question in self.asked if question.id not in self._given]

    def ask(self, question: Question) -> str:
        """The answer to a question, or else the proposed one. Raises :class:`UsageError` if it is not a choice."""
        answer = self._given.get(question.id, question.proposed)
        if answer not in question.choices:
            hint = f"Choose one of: {', '.join(question.choices)}."
            raise UsageError(f"{answer!r} is not an answer to {question.id!r}", hint)
        self.asked.append(question)
        self.answers[question.id] = answer
        return answer

    def confirm(self, name: str, text: str, proposed: str = _YES) -> bool:
        """Whether the answer is yes."""
        return self.ask(Question(name, text, (_YES, _NO), proposed)) == _YES

    def refuse_others(self) -> None:
        """Raise :class:`UsageError` if there is an answer without a question."""
        unknown = self._given.keys() - self.answers.keys()
        if unknown:
            name = min(unknown)
            near = "".join(f"Did you mean {one!r}? " for one in nearest(name, sorted(self.answers)))
            known = f"The questions are: {', '.join(self.answers)}."
            none = "This file raises no questions, so leave out --answer."
            raise UsageError(f"there is no question {name!r}", f"{near}{known if self.answers else none}")


def ask_about_rows(draft: TableDraft, questions: Questions) -> None:
    """Settle the key, the parent, and rows that continue the customer above, by questions unless they are certain."""
    _ask_for_key(draft, questions)
    structure, headers = draft.structure, draft.headers
    if structure.parents:
        parent, named = structure.parents[0]
        count, name = draft.values[parent].count, headers[named]
        text = f"{headers[parent]}: {count:,} rows refer to another row by its {name}. Do they belong to it?"
        if not questions.confirm("parent", text, proposed=_NO if _are_customers(draft) else _YES):
            draft.structure = replace(structure, layout="wide", parents=())
    elif structure.path:
        key = headers[structure.key[0]]
        path = next((text for text in draft.values[structure.key[0]].texts if ":" in text), "Parent:Child")
        text = f"{key}: rows such as {path} name another row before the colon. Do they belong to it?"
        if not questions.confirm("parent", text):
            draft.structure = replace(structure, path=False)
    elif structure.layout == "blank parent":
        values, key = draft.values[structure.key[0]], headers[structure.key[0]]
        text = f"{key}: {values.rows - values.count:,} rows without one follow a row with one. "
        text += "Do they belong to the customer above?"
        if not questions.confirm("rows", text):
            draft.structure = replace(structure, layout="wide")


def _are_customers(draft: TableDraft) -> bool:
    """Whether rows that name another row have customer numbers themselves, like branches but unlike people."""
    number = draft.structure.key[0]
    if draft.assignment.readings[number].concept != "customer_number":
        return False
    below = filled_cells(draft.table.column(draft.headers[draft.structure.parents[0][0]]))
    return bool(filled_cells(draft.table.column(draft.headers[number]))[below].all())


def _ask_for_key(draft: TableDraft, questions: Questions) -> None:
    structure, headers = draft.structure, draft.headers
    choices = [at for at in (*structure.key, *structure.others) if not draft.values[at].blank][:_MOST_KEYS]
    if structure.certain or len(choices) < 2:
        return
    counts = [
        f"{headers[at]} ({draft.values[at].distinct:,} values, {draft.values[at].filled:.0%} filled)" for at in choices
    ]
    text = f"Which column identifies a customer? {', '.join(counts)}."
    answer = questions.ask(Question("key", text, tuple(headers[at] for at in choices), headers[choices[0]]))
    key = headers.index(answer)
    if (key,) != structure.key:
        others = tuple(at for at in (*structure.key, *structure.others) if at != key)
        draft.structure = replace(key_structure((key,), draft.values), others=others)
        draft.varying = varying_columns(draft.table, draft.structure, draft.assignment)


def ask_about_same_addresses(draft: TableDraft, questions: Questions) -> None:
    """Ask whether an address whose cell says ``SAME AS BILLING`` is the same as the billing address, and vice versa."""
    given = draft.assignment
    if given.address_type is not None or draft.structure.parents:
        return
    first = {group.slot: group for group in reversed(given.addresses) if not group.flags and group.types is None}
    for slot, other in (("shipping", "billing"), ("billing", "shipping")):
        group = first.get(slot)
        if group is None or other not in first:
            continue
        for column in [*group.packed, *group.parts.get("line_1", ())]:
            texts, count = _references(draft, column)
            header = draft.headers[column]
            text = f"{header}: {counted(count, 'row')} with {first_few(texts, _MOST_SHOWN)}. "
            text += f"Is the {slot} address the same as the {other} address there?"
            if texts and questions.confirm(f"same:{header}", text):
                group.same = SameAddress(column, texts, first[other])
                break


def _references(draft: TableDraft, column: int) -> tuple[list[str], int]:
    """The texts of a column that mean that an address is the same as a different one, and the number of such rows."""
    counts = pc.value_counts(pc.utf8_trim_whitespace(draft.table.column(draft.headers[column])))
    found = counts.filter(pc.match_substring_regex(counts.field("values"), rf"^{SAME_ADDRESS}\W*$"))
    return found.field("values").to_pylist(), pc.sum(found.field("counts")).as_py() or 0


def applying_skip_rules(
    tables: Sequence[TableDraft], questions: Questions, choices: ColumnChoices
) -> list[list[ProposedSkip]]:
    """The rules by which rows are left out, by table: the chosen rules, and those that the answers confirm."""
    found = []
    for draft in tables:
        chosen = chosen_rules(draft, chosen_in(draft.table, choices.skip))
        columns = {rule.condition["column"] for rule in chosen}
        others = (rule for rule in skip_rules(draft) if rule.condition.get("column") not in columns)
        found.append([*chosen, *(rule for rule in others if questions.ask(rule.question) == LEAVE_OUT)])
    return found
