"""What the API has of a plan's customers: which of them exist, what they contain, and what an update would change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.api import AnswerKind, Client, CustomerRef, fits_filter
from importer.errors import ApiUnavailableError
from importer.ledger import Ledger, LedgerStep, State
from importer.planner import LOST, FieldChange, Merger
from importer.planner.compare import body_of
from importer.records import Action, OutcomeKind
from importer.run_folder import PayloadFile, Stage
from importer.sender.customer_rounds import Rounds
from importer.tables import ATTRIBUTE_PREFIX, DEFAULT_STATED, TEXT, EntityTables

LOOKUP_BLOCK = 10_000  # reference IDs looked up at a time
BLOCK = 500  # customers whose bodies are compared at a time

Refs = dict[str, CustomerRef]
Twice = Mapping[str, Sequence[CustomerRef]]
Changes = dict[str, list[FieldChange]]  # reference ID → what an update would change


async def look_up(
    client: Client,
    reference_ids: Sequence[str],
    say: Callable[[str], None],
    record: Callable[[Sequence[str], pd.DataFrame], None] | None = None,
) -> tuple[Refs, Twice]:
    """Look customers up: reference ID → the (first) customer that the API lists, and ID → all, if it lists several.

    After each block, ``record`` gets those of its IDs that have at most one customer, and the customers found.
    """
    plain = [name for name in reference_ids if fits_filter(name)]
    # These are looked up together, because they require reading the whole list.
    odd = [name for name in reference_ids if not fits_filter(name)]
    found: Refs = {}
    twice: dict[str, Sequence[CustomerRef]] = {}
    asked = 0
    for block in (*(plain[start : start + LOOKUP_BLOCK] for start in range(0, len(plain), LOOKUP_BLOCK)), odd):
        if not block:
            continue
        say(f"Looking up which customers exist: {asked:,} of {len(reference_ids):,}")
        asked += len(block)
        customers = await client.find(block)
        found |= {name: refs[0] for name, refs in customers.items() if refs}
        twice |= {name: refs for name, refs in customers.items() if len(refs) > 1}
        if record is not None:
            once = {name: refs[0] for name, refs in customers.items() if len(refs) == 1}
            record([name for name in block if name not in twice], found_frame(once))
    return found, twice


def found_twice(planned: pd.DataFrame, twice: Twice) -> list[LedgerStep]:
    """What the ledger records about a plan's customers that the API has more than once."""
    steps = []
    doubled = planned[planned["reference_id"].isin(list(twice))]
    for position, name in zip(doubled["position"].tolist(), doubled["reference_id"].tolist(), strict=True):
        ids = " and ".join(customer.id for customer in twice[name])
        message = f"WizCommerce has it {len(twice[name])} times, as {ids}. Delete all but one there."
        step = LedgerStep(position, name, State.EXISTS, OutcomeKind.FAILED, attempts=0)
        steps.append(replace(step, error_code="duplicate_in_api", error_message=message))
    return steps


def without_twice(planned: pd.DataFrame, twice: Twice) -> pd.DataFrame:
    """The plan without updates of customers that the API has more than once: it is unknown which one is meant."""
    doubled = planned["reference_id"].isin(list(twice)) & planned["action"].eq(str(Action.UPDATE))
    return planned.assign(
        action=planned["action"].mask(doubled, str(Action.NONE)),
        outcome=planned["outcome"].mask(doubled, str(OutcomeKind.EXISTS)),
    )


def found_frame(found: Refs) -> pd.DataFrame:
    """What :func:`look_up` found, for planner and ledger: ``reference_id, customer_id, display_id`` (TEXT)."""
    ids = [ref.id for ref in found.values()]
    shown = [ref.display_id or None for ref in found.values()]
    return pd.DataFrame({"reference_id": list(found), "customer_id": ids, "display_id": shown}, dtype=TEXT)


def with_moments(planned: pd.DataFrame, found: Refs) -> pd.DataFrame:
    """The plan with ``updated_at`` (TEXT): when each customer last changed in WizCommerce; null if not looked up."""
    moments = {name: ref.updated_at.isoformat() for name, ref in found.items() if ref.updated_at}
    names = pa.array(planned["reference_id"], pa.string())
    lines = pc.index_in(names, value_set=pa.array(list(moments), pa.string()))
    texts = pa.array(list(moments.values()), pa.string()).take(lines)
    return planned.assign(updated_at=pd.arrays.ArrowExtensionArray(texts))


async def confirm_lost(client: Client, customers: pd.DataFrame, rounds: Rounds) -> set[str]:
    """The reference IDs of those ``customers`` (``reference_id, customer_id``) that the API no longer has.

    A list may lag behind, so each customer is requested by its ID.
    """
    lost: set[str] = set()

    async def look(pair: tuple[str, str]) -> None:
        answer = await rounds.ask(client.get(pair[1]))
        if answer.kind is AnswerKind.GONE:
            lost.add(pair[0])

    known = customers[customers["customer_id"].notna()]
    await rounds.each(list(zip(known["reference_id"], known["customer_id"], strict=True)), look)
    rounds.check()
    return lost


async def _compare(
    ledger: Ledger, tenant: str, client: Client, updates: pd.DataFrame, payloads: Path, merger: Merger, rounds: Rounds
) -> tuple[Changes, set[str]]:
    """Compare the new bodies of ``updates`` with the old ones from the ledger, or otherwise from the API.

    ``updates``: ``reference_id, customer_id, offset, length``. Returns what changes (without customers in which nothing
    changes), and the reference IDs of customers that the API no longer has.
    """
    found: Changes = {}
    lost: set[str] = set()

    async def look(item: tuple[Any, dict[str, Any], bytes | None]) -> None:
        row, new, accepted = item
        if accepted is not None:
            old = orjson.loads(accepted)
        else:
            answer = await rounds.ask(client.get(row.customer_id))
            if answer.kind is AnswerKind.GONE:
                lost.add(row.reference_id)
                return
            if answer.kind is not AnswerKind.OK or answer.data is None:
                raise ApiUnavailableError(
                    f"customer {row.reference_id} could not be read: {answer.message}", "Plan again later."
                )
            old = body_of(answer.data)
        if changes := merger.changes(old, new):
            found[row.reference_id] = changes

    for start in range(0, len(updates), BLOCK):
        block = updates.iloc[start : start + BLOCK]
        accepted = ledger.accepted(tenant, block["reference_id"])
        lines: list[Any] = list(block.itertuples())
        rows = zip(lines, PayloadFile(payloads)(lines), strict=True)
        items = [(row, orjson.loads(body), accepted.get(str(row.reference_id))) for row, body in rows]
        await rounds.each(items, look)
        rounds.check()
    return found, lost


async def examine(
    ledger: Ledger,
    tenant: str,
    client: Client,
    planned: pd.DataFrame,
    refs: Refs,
    payloads: Path,
    stage: Stage,
    rounds: Rounds,
    say: Callable[[str], None],
    *,
    also: Sequence[str] = (),
) -> tuple[pd.DataFrame, Changes]:
    """Find out which of the customers to be updated, and of ``also``, are gone, and in which nothing would change.

    ``refs``: customers that were looked up before. Returns ``planned`` with its actions and outcomes revised and with
    ``updated_at``, and what the updates would change.
    """
    updates = planned[planned["action"] == str(Action.UPDATE)]
    unseen = updates.loc[~updates["reference_id"].isin(list(refs)), "reference_id"].tolist()
    unseen = list(dict.fromkeys([*unseen, *also]))
    seen, _ = await look_up(client, unseen, say)
    missing = planned[planned["reference_id"].isin([name for name in unseen if name not in seen])]
    lost = await confirm_lost(client, missing, rounds)
    updates = updates[~updates["reference_id"].isin(list(lost))]
    if len(updates):
        say(f"Comparing {len(updates):,} customers with what was sent before")
    changes, vanished = await _compare(ledger, tenant, client, updates, payloads, merger_for(stage), rounds)
    names = planned["reference_id"]
    is_gone = names.isin(list(lost | vanished))
    same = planned["action"].eq(str(Action.UPDATE)) & ~names.isin(list(changes)) & ~is_gone
    examined = planned.assign(
        action=planned["action"].mask(same | is_gone, str(Action.NONE)),
        outcome=planned["outcome"].mask(same, str(OutcomeKind.UNCHANGED)).mask(is_gone, LOST),
    )
    return with_moments(examined, refs | seen), changes


def merger_for(stage: Stage) -> Merger:
    """The merger for updates of a stage's customers.

    A blank in the source empties a field. A value that was left out because it is wrong does not.
    """
    fields = {
        name: tuple(name.split(".", 1)) if name.startswith(ATTRIBUTE_PREFIX) else (name,)
        for entry in stage.tables.entries
        if entry.entity == "customer"
        for name, origin in entry.fields.items()
        if origin.clears
    }
    stated = _StatedDefaults(stage.tables)
    if not fields:
        return Merger(stated_defaults=stated)
    frame = stage.problems.frame
    wrong = frame[(frame["entity"] == "customer") & frame["field"].isin(list(fields)) & (frame["customer"] >= 0)]
    names = stage.tables.customers["reference_id"].take(wrong["customer"].to_numpy()).tolist()
    spared: dict[str, frozenset[tuple[str, ...]]] = {}
    for name, field in zip(names, wrong["field"], strict=True):
        spared[name] = spared.get(name, frozenset()) | {fields[field]}
    return Merger(frozenset(fields.values()), spared, stated)


class _StatedDefaults(Mapping[str, frozenset[tuple[str, str]]]):
    """Reference ID of a customer → kind and reference ID of the children whose ``is_default`` the source states.

    Each is looked up on demand: a dict would need more memory than the tables.
    """

    def __init__(self, tables: EntityTables) -> None:
        self._names = pd.Index(tables.customers["reference_id"])
        frames = (("addresses", tables.addresses), ("contacts", tables.contacts))
        self._frames = [(kind, frame) for kind, frame in frames if DEFAULT_STATED in frame.columns]

    def __getitem__(self, name: str) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for position in self._names.get_indexer_for(pd.Index([name])) if self._frames else ():
            for kind, frame in self._frames:
                first, last = np.searchsorted(frame["_customer"].to_numpy(), [position, position + 1])
                stated = frame[DEFAULT_STATED].iloc[first:last].fillna(value=False).tolist()
                children = frame["reference_id"].iloc[first:last].tolist()
                found |= {(kind, child) for child, own in zip(children, stated, strict=True) if own}
        return frozenset(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.tolist())

    def __len__(self) -> int:
        return len(self._names)
