"""A check's result as the pages show it: counts, problems by kind, and customers beside their rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import pandas as pd

from importer.catalogue import find
from importer.python_api import CheckResult

_SPAN = re.compile(r"(\d+)(?:-(\d+))?")
_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class ProblemKind:
    code: str
    severity: str
    count: int
    title: str
    explanation: str
    fix: str
    columns: list[str]


class CheckedList:
    def __init__(self, result: CheckResult) -> None:
        self.summary = result.summary
        self.folder = result.folder
        self.customers = result.customers
        self.problems = result.problems
        self._bodies = result.folder / "payloads.jsonl"
        self._places: dict[str, tuple[int, int]] = {}
        self._few, self._many = (9, ""), (-1, "")
        self._read_bodies()
        self.examples = self._examples()

    def _read_bodies(self) -> None:
        """Find each customer's body, and the customers with the fewest and the most addresses and contacts."""
        offset = 0
        with self._bodies.open("rb") as file:
            for line in file:
                body = orjson.loads(line)
                reference_id = str(body["reference_id"])
                self._places[reference_id] = (offset, len(line))
                offset += len(line)
                children = len(body.get("addresses", ())) + len(body.get("contacts", ()))
                if children > self._many[0]:
                    self._many = (children, reference_id)
                if children < self._few[0]:
                    self._few = (children, reference_id)

    def _examples(self) -> list[dict[str, Any]]:
        """A few customers that show what the mapping does: those with the most and fewest children, and a rejected one.

        Each has a ``title``, ``why`` it is shown, the ``body`` (None if it is rejected), and ``messages`` (errors).
        """
        chosen = {}
        if self._many[1]:
            chosen[self._many[1]] = "the most addresses and contacts"
        if self._few[1]:
            chosen.setdefault(self._few[1], "the fewest addresses and contacts")
        rejected = self.search("", "rejected").head(1)["reference_id"].dropna().tolist()
        chosen |= dict.fromkeys(map(str, rejected), "rejected")
        names = self.customers.drop_duplicates("reference_id").set_index("reference_id")["company_name"]
        found = []
        for reference_id, why in chosen.items():
            own = self.of_customer(reference_id)
            messages = own[own["severity"] == "error"]["message"].dropna().head(5).tolist()
            name = names.get(reference_id)
            title = name if isinstance(name, str) else reference_id
            body = self.body(reference_id)
            found.append({"title": title, "why": why, "body": body, "messages": list(map(str, messages))})
        return found

    def body(self, reference_id: str) -> dict[str, Any] | None:
        """The body that will be sent for a customer; None if it is rejected."""
        if reference_id not in self._places:
            return None
        offset, length = self._places[reference_id]
        with self._bodies.open("rb") as file:
            file.seek(offset)
            found: dict[str, Any] = orjson.loads(file.read(length))
            return found

    @cached_property
    def kinds(self) -> list[ProblemKind]:
        """The problems by kind: errors first, then the most frequent."""
        found = []
        for (severity, code), own in self.problems.groupby(["severity", "code"], sort=False):
            known, columns = find(str(code)), own["column"].dropna().value_counts().index.astype(str).tolist()
            words = (str(code), "", "") if known is None else (known.title, known.explanation, known.fix)
            found.append(ProblemKind(str(code), str(severity), len(own), *words, columns))
        return sorted(found, key=lambda kind: (_SEVERITIES.index(kind.severity), -kind.count))

    def of_kind(self, code: str) -> pd.DataFrame:
        return self.problems[(self.problems["code"] == code).fillna(False)]

    def of_customer(self, reference_id: str) -> pd.DataFrame:
        return self.problems[(self.problems["reference_id"] == reference_id).fillna(False)]

    def search(self, text: str, outcome: str) -> pd.DataFrame:
        """The customers whose ID or name contains the text; ``outcome``: valid or rejected, ``""`` for both."""
        found = self.customers
        if outcome:
            found = found[(found["outcome"] == outcome).fillna(False)]
        if text:
            folded = text.casefold()
            hit = [
                found[name].fillna("").str.casefold().str.contains(folded, regex=False)
                for name in ("reference_id", "company_name")
            ]
            found = found[hit[0] | hit[1]]
        return found


def places_of(rows: str) -> list[tuple[str, int]]:
    """``file!sheet:2-4,9; other.csv:3`` → the individual places."""
    found = []
    for part in rows.split("; "):
        source, _, spans = part.rpartition(":")
        for span in _SPAN.finditer(spans):
            first, last = int(span[1]), int(span[2] or span[1])
            found += [(source, number) for number in range(first, last + 1)]
    return found


def page_of(items: Sequence[Any] | pd.DataFrame, number: int, size: int) -> tuple[Any, int, int]:
    """The items of a page, its number, and the number of pages. A number that is too high means the last page."""
    pages = max(1, -(-len(items) // size))
    number = min(max(number, 1), pages)
    return items[(number - 1) * size : number * size], number, pages
