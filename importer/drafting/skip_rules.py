"""Rows that are probably not customers, by flags, statuses, and kinds, as questions with counts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importer.cell_text import filled_cells
from importer.drafting.lexicon import letters_and_digits, lexicon
from importer.drafting.table_draft import TableDraft
from importer.mapping.transforms.registry import read_flag
from importer.wording import counted, first_few

LEAVE_OUT, KEEP = "leave out", "keep"
_NO_CUSTOMERS = ("inactive", "closed", "deleted", "supplier", "lead", "employee", "prospect")
_ANSWERS = ("yes", "no")
_DELETED = r"\((?:deleted|inactive)(?:-\d+)?\)\s*$"
_MOST_SHOWN = 6
_HALF = 0.5
_MANY = 0.3  # if a larger share of the rows is blocked, they are still customers
_REASONS = {name: "lead" if name == "prospect" else name for name in (*_NO_CUSTOMERS, "blocked")}
_STATUS = {"active": ["A", "E"], "inactive": ["D", "I"], "closed": ["C"], "blocked": ["B", "S"]}
_Found = tuple[dict[str, Any], list[str], str]  # the condition, the words that it leaves out, what is proposed


@dataclass(frozen=True)
class Question:
    """A question that the file does not answer. ``proposed``: the choice that the draft assumes."""

    id: str
    text: str
    choices: tuple[str, ...]
    proposed: str


@dataclass(frozen=True)
class ProposedSkip:
    """A condition under which rows are left out, if the answer to its question is ``LEAVE_OUT``."""

    condition: dict[str, Any]
    question: Question

    @property
    def columns(self) -> list[str]:
        """The columns in the condition."""
        return [str(one["column"]) for one in self.condition.get("all", [self.condition])]


def _rule(header: str, text: str, condition: dict[str, Any], proposed: str = LEAVE_OUT) -> ProposedSkip:
    return ProposedSkip(condition, Question(f"skip:{header}", text, (LEAVE_OUT, KEEP), proposed))


def skip_rules(draft: TableDraft) -> Iterator[ProposedSkip]:
    """The rules that the columns of a table suggest, in the order of the columns."""
    for at, concept in sorted(draft.assignment.skipping.items()):
        rule = None if draft.values[at].blank else _of_column(draft, at, concept)
        if rule is not None:
            yield rule
    yield from _of_names(draft)
    yield from _without_number(draft)


def _letters(draft: TableDraft, at: int) -> dict[str, list[str]]:
    """The meanings of one-letter statuses, if one of them is a usual letter for active customers."""
    texts = draft.values[at].texts
    known = draft.assignment.skipping[at] == "status" and set(texts) & set(_STATUS["active"]) and len(texts) > 1
    return _STATUS if known and all(len(text) == 1 for text in texts) else {}


def _of_column(draft: TableDraft, at: int, concept: str) -> ProposedSkip | None:
    """The rule that a flag, status, or kind suggests, if any."""
    values, header = draft.values[at], draft.headers[at]
    by_words = concept in ("status", "kind") and (values.flags < 1 or bool(_coded(draft, at).keys() - set(_ANSWERS)))
    rule = _by_words(draft, at) if by_words else _by_flag(draft, at, "active_flag" if concept == "status" else concept)
    if rule is None:
        return None
    condition, out, proposed = rule
    most = _MANY if concept == "blocked_flag" else _HALF
    counts = sorted(zip(values.texts, values.counts, strict=True), key=lambda pair: -pair[1])
    if sum(count for text, count in counts if not out or text in out) > most * values.rows:
        proposed = KEEP  # most rows are customers: the words have a different meaning here
    leave = " or ".join(f'"{text}"' for text in out) or "a date"
    blank = values.rows - sum(values.counts)
    counts += [("blank", blank)] if blank else []
    shown = first_few(counts, _MOST_SHOWN, text=lambda pair: f"{pair[0]} ({pair[1]:,})")
    text = f"Column {header} has these values: {shown}. Leave out the rows with {leave}?"
    return _rule(header, text, {"column": header, **condition}, proposed)


def _of_names(draft: TableDraft) -> Iterator[ProposedSkip]:
    """The rule for names that say that the customer was deleted: ``Harbor Goods (deleted)``."""
    for at in draft.assignment.customer.get("company_name", ())[:1]:
        gone = [text for text in draft.values[at].texts if re.search(_DELETED, text)]
        if gone and len(gone) < _HALF * len(draft.values[at].texts):
            header = draft.headers[at]
            text = f"Column {header} has {counted(len(gone), 'name')} such as {gone[0]}. Leave out these rows?"
            yield _rule(header, text, {"column": header, "matches": _DELETED, "reason": "deleted"})


def _without_number(draft: TableDraft) -> Iterator[ProposedSkip]:
    """The rule for rows with a supplier's but no customer's number, in a list of both."""
    headers, shown = draft.headers, draft.assignment.customer.get("display_id", draft.structure.key)
    numbers = [at for at in shown if draft.assignment.readings[at].concept in ("customer_number", "email")]
    if len(numbers) != 1 or draft.values[numbers[0]].filled == 1:
        return
    key = headers[numbers[0]]
    blank = ~filled_cells(draft.table.column(key))
    for at in draft.assignment.suppliers:
        of_supplier = blank & filled_cells(draft.table.column(headers[at]))
        if of_supplier.any():
            rows = counted(int(of_supplier.sum()), "row")
            text = f"Column {headers[at]} is filled in {rows} without {key}. Leave out these rows?"
            both = [{"column": key, "blank": True}, {"column": headers[at], "blank": False}]
            yield _rule(headers[at], text, {"all": both, "reason": "supplier"})


def _coded(draft: TableDraft, at: int) -> dict[str, list[str]]:
    """The meanings of a column's values, if its header is a code of a known system: meaning → values."""
    return {} if draft.codes is None else draft.codes.cells.get(draft.headers[at].strip().lower(), {})


def chosen_rules(draft: TableDraft, skip: Mapping[int, Sequence[str]]) -> list[ProposedSkip]:
    """The rules that a person chose. ``skip``: column → the texts whose rows are left out."""
    rules = []
    for at, texts in sorted(skip.items()):
        header, out = draft.headers[at], list(dict.fromkeys(texts))
        if out:
            text = f"{header}: {' and '.join(out)} left out, as chosen."
            draft.assignment.give(at, "skip_rule")
            rules.append(_rule(header, text, {"column": header, **_is(out), "reason": header}))
    return rules


def _is(texts: list[str]) -> dict[str, Any]:
    """The condition that a cell has one of these texts."""
    return {"is": texts if len(texts) > 1 else texts[0]}


def _by_words(draft: TableDraft, at: int) -> _Found | None:
    """The rule for statuses and kinds that are words, such as those for inactive, supplier, or lead."""
    texts, coded = draft.values[at].texts, _coded(draft, at) or _letters(draft, at)
    kinds = {text: kind for kind, values in coded.items() for text in values}
    out, reasons = [], []
    for text in texts:
        reason = _reason(text) if text not in kinds else _REASONS.get(kinds[text])
        if reason:
            out.append(text)
            reasons.append(reason)
    if not out or (len(out) == len(texts) and len(texts) > 1):
        return None
    proposed = KEEP if len(out) == len(texts) else LEAVE_OUT
    reason = reasons[0] if len(set(reasons)) == 1 else "not an active customer"
    return {**_is(out), "reason": reason}, out, proposed


def _reason(text: str) -> str | None:
    """Why rows with this word are not customers; None if they may be, such as ``Customer/Vendor``."""
    words = lexicon()
    parts = {letters_and_digits(part) for part in re.split(r"[,;/|+\n]", text) if part.strip()}
    if parts & words.cell_words("customer") or parts & words.cell_words("active"):
        return None
    for kind in _NO_CUSTOMERS:
        if parts & words.cell_words(kind) and parts <= words.cell_words(*_NO_CUSTOMERS):
            return _REASONS[kind]
    return None


def _by_flag(draft: TableDraft, at: int, concept: str) -> _Found | None:
    """The rule for flags: rows are left out if the flag for active is no, or if that for inactive or deleted is yes."""
    values = draft.values[at]
    coded = _coded(draft, at)
    answers = {
        answer: [text for text in values.texts if (text in coded[answer] if answer in coded else _says(text, answer))]
        for answer in _ANSWERS
    }
    wanted, other = ("no", "yes") if concept in ("active_flag", "customer_flag") else ("yes", "no")
    if not answers[wanted]:
        if len(answers[other]) == len(values.texts):
            return None  # nobody is blocked
        if concept in ("deleted_flag", "inactive_flag") and values.dates > 0.5:
            reason = "deleted" if concept == "deleted_flag" else "inactive"
            return {"blank": False, "reason": reason}, [], LEAVE_OUT
        return _by_words(draft, at)
    reasons = {
        "active_flag": "inactive", "inactive_flag": "inactive", "deleted_flag": "deleted", "blocked_flag": "blocked",
        "customer_flag": "not a customer", "kind": "different type", "supplier_flag": "supplier", "lead_flag": "lead",
    }  # fmt: skip
    everybody = not answers[other] and values.filled > 0.9
    found = answers[wanted]
    understood = all(read_flag(text) is (wanted == "yes") for text in found)
    test: dict[str, Any] = {"flag": wanted == "yes"} if understood else _is(found)
    keep = concept == "supplier_flag" or everybody
    return {**test, "reason": reasons[concept]}, found, KEEP if keep else LEAVE_OUT


def _says(text: str, answer: str) -> bool:
    plain = letters_and_digits(text)
    short = {"yes": {"1", "x", "t", "true", "y"}, "no": {"0", "f", "false", "n"}}[answer]
    return plain in short or plain in lexicon().cell_words(answer)
