"""Customers of the API that may be the same as one that is about to be created, and those that it has lost."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.api import CustomerRef
from importer.records import Severity
from importer.run_folder import Stage
from importer.tables import ProblemTable
from importer.validation.field_places import arrow, locate
from importer.workflow.directory import fold

__all__ = ["MOST_PAGES", "lost", "not_compared", "twins"]

MOST_PAGES = 200  # of 100 customers each, that are read to compare names; with more, it would take too long

Positions = npt.NDArray[np.int64]


def twins(stage: Stage, positions: Positions, everyone: Iterable[CustomerRef]) -> ProblemTable:
    """A warning for each customer to be created (``positions``) whose name or e-mail address the API has already.

    Those that the sources hold themselves, by their reference ids, are no news.
    """
    own = set(stage.tables.customers["reference_id"].dropna())
    others = [customer for customer in everyone if customer.reference_id not in own]
    names = _by((customer.name, customer) for customer in others)
    mails = _by((customer.email, customer) for customer in others)
    return ProblemTable.concat(
        [
            _alike(stage, positions, "company_name", names, code="name_in_api", word="name"),
            _alike(stage, positions, "email", mails, code="email_in_api", word="e-mail address"),
        ]
    )


def _by(pairs: Iterable[tuple[str, CustomerRef]]) -> dict[str, CustomerRef]:
    """Folded text → the first customer that has it."""
    found: dict[str, CustomerRef] = {}
    for text, customer in pairs:
        found.setdefault(fold(text), customer)
    found.pop("", None)
    return found


def _alike(
    stage: Stage, positions: Positions, field: str, known: Mapping[str, CustomerRef], *, code: str, word: str
) -> ProblemTable:
    customers = stage.tables.customers
    if field not in customers.columns:
        return ProblemTable.empty()
    encoded = arrow(customers[field]).take(pa.array(positions)).dictionary_encode()
    meant = [known.get(fold(text)) for text in encoded.dictionary.to_pylist()]
    codes = pc.fill_null(encoded.indices, len(meant)).to_numpy()
    hit = np.array([*(customer is not None for customer in meant), False], dtype=np.bool_)[codes]
    records = positions[hit]
    same = [customer for code in codes[hit] if (customer := meant[code]) is not None]
    return _problems(
        stage,
        field,
        records,
        [f"WizCommerce has a customer of this {word} already: {_named(customer)}" for customer in same],
        "If it is the same, give it this reference id in WizCommerce, and it is left alone; else nothing is wrong.",
        code=code,
    )


def _named(customer: CustomerRef) -> str:
    who = f"reference id {customer.reference_id}" if customer.reference_id else "without a reference id"
    return f"'{customer.name}', {who}" + (", inactive" if customer.status == "inactive" else "")


def lost(stage: Stage, records: Positions) -> ProblemTable:
    """A warning for each of these customers, which the ledger knows and the API has no more."""
    return _problems(
        stage,
        "reference_id",
        records,
        ["it was in WizCommerce before, and is not there any more"] * len(records),
        "Nobody but you knows why it was deleted: it is not created again by itself.",
        code="lost_in_api",
    )


def not_compared() -> ProblemTable:
    """Says that the API holds too many customers to compare their names."""
    return ProblemTable.build(
        1,
        severity=Severity.INFO,
        code="names_not_compared",
        message=f"WizCommerce holds more than {MOST_PAGES * 100:,} customers, so names and e-mail addresses "
        "were not compared with theirs",
        hint="Customers are still told apart by their reference ids.",
    )


def _problems(
    stage: Stage, field: str, records: Positions, messages: list[str], hint: str, *, code: str
) -> ProblemTable:
    places = locate(stage.tables, stage.sources, "customer", field, records)
    values = pc.coalesce(places.cells, pa.array(stage.tables.customers[field].take(records), pa.string()))
    return ProblemTable.build(
        len(records),
        severity=Severity.WARNING,
        code=code,
        customer=records,
        entity="customer",
        record=records,
        field=field,
        row=places.rows,
        column=pd.arrays.ArrowExtensionArray(places.columns),
        value=pd.arrays.ArrowExtensionArray(values),
        message=messages,
        hint=hint,
    )
