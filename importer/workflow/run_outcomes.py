"""From what the ledger says of a run to what the reports show: one line a customer, and the API's reasons in place."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.ledger import Ledger
from importer.payload import record_of
from importer.records import TEMPORARY_STATUSES, OutcomeKind, Severity
from importer.run_folder import Stage
from importer.tables import ENTITIES, Entity, ProblemTable
from importer.validation.field_places import locate
from importer.workflow.report_writer import unsent_outcomes

__all__ = ["Told", "tell"]

COLUMNS = (
    *("action", "outcome", "customer_id", "display_id", "http_status", "attempts"),
    *("error_code", "error_message", "seconds"),
)
AT_A_CELL = "Fix the cell, then run again: what was refused is sent again."
AT_NO_CELL = "The API names no cell of the source: fix what its reason says, then run again."
NOTES = {
    "changed_in_api": "See which of the two is right. --on-conflict overwrite updates it all the same.",
    "differs_in_api": "A run with --mode upsert sends what the source says; changes.csv has both values.",
    "child_not_in_source": "Nothing is deleted. If it is not needed any more, delete it in WizCommerce.",
    "child_left_alone": "Compare the customer with its source in WizCommerce, and change it there.",
    "lost_in_api": "Was it deleted on purpose? If not, adopt it again (--only); then the next run creates it.",
}


@dataclass(frozen=True)
class Told:
    """What the reports of a run that sent are made from; ``children``: the ids of its addresses and contacts."""

    stage: Stage
    outcomes: pd.DataFrame
    refused: npt.NDArray[np.bool_]
    retryable: int
    children: pd.DataFrame


def tell(ledger: Ledger, run_id: str, stage: Stage) -> Told:
    """One line per customer position: rejected ones, those that the run did not take up (pending), and the rest.

    The reasons of the API's refusals become problems at the cells they are about.
    """
    outcomes = unsent_outcomes(stage, OutcomeKind.PENDING)
    known = ledger.outcomes(run_id)
    at = known["position"].to_numpy()
    for name in COLUMNS:
        column = outcomes[name].copy()
        column.iloc[at] = known[name].array
        outcomes[name] = column
    failed = known["outcome"].eq(str(OutcomeKind.FAILED)).to_numpy(dtype=np.bool_)
    status = known["http_status"].fillna(0).to_numpy(dtype=np.int64)
    final = failed & (status >= 400) & (status < 500) & ~np.isin(status, TEMPORARY_STATUSES)
    refused = np.zeros(len(outcomes), dtype=np.bool_)
    refused[at[final]] = True
    reasons = known[final & known["refusals"].notna().to_numpy()]
    problems = ProblemTable.concat([_problems(stage, reasons), _notes(stage, known)])
    stage = replace(stage, problems=ProblemTable.concat([stage.problems, problems])) if len(problems) else stage
    twice = known["error_code"].eq("duplicate_in_api").fillna(value=False).to_numpy(dtype=np.bool_)
    retryable = int((failed & ~final & ~twice).sum())
    return Told(stage, outcomes, refused, retryable, ledger.children_of(run_id))


def _notes(stage: Stage, known: pd.DataFrame) -> ProblemTable:
    """What there is to tell of customers that were updated, or left alone: nothing that failed."""
    found = []
    for code, hint in NOTES.items():
        told = known[known["error_code"].eq(code).fillna(value=False).to_numpy(dtype=np.bool_)]
        positions = told["position"].to_numpy(dtype=np.int64)
        places = locate(stage.tables, stage.sources, "customer", "reference_id", positions)
        found.append(
            ProblemTable.build(
                len(told),
                severity=Severity.WARNING,
                code=code,
                customer=positions,
                entity="customer",
                record=positions,
                row=places.rows,
                message=told["error_message"].array,
                hint=hint,
            )
        )
    return ProblemTable.concat(found)


def _problems(stage: Stage, refusals: pd.DataFrame) -> ProblemTable:
    """Each ``details[]`` of a refusal led back to its record; one without a known field stands for the customer."""
    found: dict[Entity, list[tuple[int, int, str | None, str]]] = {entity: [] for entity in ENTITIES}
    for position, text in zip(refusals["position"], refusals["refusals"], strict=True):
        for item in json.loads(text):
            reason = f"{item['field']}: {item['reason']}" if item["field"] else item["reason"]
            entity, record, field = record_of(stage.tables, position, item["field"]) or ("customer", position, None)
            found[entity].append((position, record, field, reason))
    tables = [_located(stage, entity, items) for entity, items in found.items() if items]
    return ProblemTable.concat(tables)


def _located(stage: Stage, entity: Entity, items: list[tuple[int, int, str | None, str]]) -> ProblemTable:
    positions, records, fields, reasons = (list(column) for column in zip(*items, strict=True))
    rows = stage.tables.frame(entity)["_row"].to_numpy()[np.array(records, np.int64)].copy()
    columns: list[Any] = [None] * len(items)
    values: list[Any] = [None] * len(items)
    for name in {field for field in fields if field is not None}:
        chosen = np.flatnonzero(np.array([field == name for field in fields]))
        places = locate(stage.tables, stage.sources, entity, name, np.array(records, np.int64)[chosen])
        for index, row, column, cell in zip(
            chosen, places.rows, places.columns.to_pylist(), places.cells.to_pylist(), strict=True
        ):
            rows[index], columns[index], values[index] = row, column, cell
    return ProblemTable.build(
        len(items),
        severity=Severity.ERROR,
        code="api_refused",
        customer=np.array(positions, np.int64),
        entity=entity,
        record=np.array(records, np.int64),
        field=fields,
        row=rows,
        column=columns,
        value=values,
        message=[f"the API refused it: {reason}" for reason in reasons],
        hint=[AT_A_CELL if column is not None else AT_NO_CELL for column in columns],
    )
