"""What the API holds of the customers of a plan: which exist, what they hold, which are gone."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.api import AnswerKind, Client, CustomerRef, fits_filter
from importer.errors import ApiUnavailableError, OutputError
from importer.ledger import Ledger, State, Step
from importer.planner import LOST, Change, Merger
from importer.planner.compare import body_of
from importer.records import Action, OutcomeKind
from importer.sender.customer_rounds import Rounds
from importer.tables import TEXT

__all__ = [
    "Compared",
    "Refs",
    "bodies_of",
    "confirm_lost",
    "examine",
    "found_frame",
    "found_twice",
    "listed",
    "look_up",
    "with_moments",
    "without_twice",
]

LOOKUP_BLOCK = 10_000  # reference ids looked up at a time
BLOCK = 500  # customers whose bodies are compared at a time

Refs = dict[str, CustomerRef]
Twice = Mapping[str, Sequence[CustomerRef]]


def _nothing(_: Sequence[str], __: Refs) -> None:
    """Nobody records it."""


async def listed(
    client: Client, reference_ids: Sequence[str], say: Callable[[str], None]
) -> AsyncIterator[tuple[Sequence[str], dict[str, list[CustomerRef]]]]:
    """Block by block: reference ids, and the customers that the API lists under each of them."""
    plain = [name for name in reference_ids if fits_filter(name)]
    odd = [name for name in reference_ids if not fits_filter(name)]  # together: they cost a walk through the list
    blocks = [plain[start : start + LOOKUP_BLOCK] for start in range(0, len(plain), LOOKUP_BLOCK)]
    asked = 0
    for block in (*blocks, odd):
        if not block:
            continue
        say(f"Looking up which customers exist: {asked:,} of {len(reference_ids):,}")
        asked += len(block)
        yield block, await client.find(block)


async def look_up(
    client: Client,
    reference_ids: Sequence[str],
    say: Callable[[str], None],
    record: Callable[[Sequence[str], Refs], None] = _nothing,
    *,
    twice: dict[str, list[CustomerRef]] | None = None,
) -> Refs:
    """Reference id → the customer that the API lists under it, of those that it lists.

    ``record`` is given the ids of each block and what was found of them. ``twice`` collects those of whom it lists
    several.
    """
    found: Refs = {}
    async for block, customers in listed(client, reference_ids, say):
        if twice is not None:
            twice |= {name: refs for name, refs in customers.items() if len(refs) > 1}
        there = {name: refs[0] for name, refs in customers.items() if refs}
        record(block, there)
        found |= there
    return found


def found_twice(planned: pd.DataFrame, twice: Twice) -> list[Step]:
    """What is entered of the customers of a plan that the API holds more than once."""
    steps = []
    doubled = planned[planned["reference_id"].isin(list(twice))]
    for position, name in zip(doubled["position"].tolist(), doubled["reference_id"].tolist(), strict=True):
        ids = " and ".join(customer.id for customer in twice[name])
        message = f"the API holds it {len(twice[name])} times, as {ids}; delete all but one by hand"
        step = Step(position, name, State.EXISTS, OutcomeKind.FAILED, attempts=0)
        steps.append(replace(step, error_code="duplicate_in_api", error_message=message))
    return steps


def without_twice(planned: pd.DataFrame, twice: Twice) -> pd.DataFrame:
    """The plan with those that the API holds more than once left alone: nobody knows which of them is to be updated."""
    doubled = planned["reference_id"].isin(list(twice)) & planned["action"].eq(str(Action.UPDATE))
    return planned.assign(
        action=planned["action"].mask(doubled, str(Action.NONE)),
        outcome=planned["outcome"].mask(doubled, str(OutcomeKind.EXISTS)),
    )


def found_frame(found: Refs) -> pd.DataFrame:
    """What :func:`look_up` brought, for planner and ledger: ``reference_id, customer_id, display_id`` (TEXT)."""
    ids = [ref.id for ref in found.values()]
    shown = [ref.display_id or None for ref in found.values()]
    return pd.DataFrame({"reference_id": list(found), "customer_id": ids, "display_id": shown}, dtype=TEXT)


def with_moments(planned: pd.DataFrame, found: Refs) -> pd.DataFrame:
    """The plan with ``updated_at`` (TEXT): when each customer changed in WizCommerce; null where it was not asked."""
    moments = {name: ref.updated_at.isoformat() for name, ref in found.items() if ref.updated_at}
    names = pa.array(planned["reference_id"], pa.string())
    lines = pc.index_in(names, value_set=pa.array(list(moments), pa.string()))
    texts = pa.array(list(moments.values()), pa.string()).take(lines)
    return planned.assign(updated_at=pd.arrays.ArrowExtensionArray(texts))


async def confirm_lost(client: Client, customers: pd.DataFrame, rounds: Rounds) -> set[str]:
    """Those of ``customers`` (``reference_id, customer_id``) that the API has no more, asked for by their ids.

    A list may lag behind, so that it alone does not tell.
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


@dataclass
class Compared:
    """Reference id → what an update would change; ``lost``: reference ids that the API has no more."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)


async def compare(
    ledger: Ledger, tenant: str, client: Client, updates: pd.DataFrame, payloads: Path, merger: Merger, rounds: Rounds
) -> Compared:
    """Hold the new bodies of ``updates`` against the old ones: the ledger's, else what the API holds.

    ``updates``: ``reference_id, customer_id, offset, length``. Customers without any change are left out.
    """
    result = Compared()

    async def look(item: tuple[Any, dict[str, Any], bytes | None]) -> None:
        row, new, accepted = item
        if accepted is not None:
            old = orjson.loads(accepted)
        else:
            answer = await rounds.ask(client.get(row.customer_id))
            if answer.kind is AnswerKind.GONE:
                result.lost.add(row.reference_id)
                return
            if answer.kind is not AnswerKind.OK or answer.data is None:
                raise ApiUnavailableError(
                    f"customer {row.reference_id} could not be read: {answer.message}", "Plan again later."
                )
            old = body_of(answer.data)
        changes = merger.changes(old, new)
        if changes:
            result.changes[row.reference_id] = changes

    for start in range(0, len(updates), BLOCK):
        block = updates.iloc[start : start + BLOCK]
        accepted = ledger.accepted(tenant, block["reference_id"])
        bodies = bodies_of(payloads, block)
        items = [
            (row, orjson.loads(body), accepted.get(str(row.reference_id)))
            for row, body in zip(block.itertuples(), bodies, strict=True)
        ]
        await rounds.each(items, look)
        rounds.check()
    return result


@dataclass
class Examined:
    """``planned``: as the planner gives it, with what was found of the customers and their ``updated_at``."""

    planned: pd.DataFrame
    compared: Compared


async def examine(
    ledger: Ledger,
    tenant: str,
    client: Client,
    planned: pd.DataFrame,
    refs: Refs,
    payloads: Path,
    merger: Merger,
    rounds: Rounds,
    say: Callable[[str], None],
    *,
    also: Sequence[str] = (),
) -> Examined:
    """Look at the customers to be updated, and at ``also``: who is gone, and in whom nothing would change.

    ``refs``: those that were looked up before.
    """
    updates = planned[planned["action"] == str(Action.UPDATE)]
    unseen = updates.loc[~updates["reference_id"].isin(list(refs)), "reference_id"].tolist()
    unseen = list(dict.fromkeys([*unseen, *also]))
    seen = await look_up(client, unseen, say)
    missing = planned[planned["reference_id"].isin([name for name in unseen if name not in seen])]
    lost = await confirm_lost(client, missing, rounds)
    updates = updates[~updates["reference_id"].isin(list(lost))]
    if len(updates):
        say(f"Comparing {len(updates):,} customers with what was sent before")
    compared = await compare(ledger, tenant, client, updates, payloads, merger, rounds)
    compared.lost |= lost
    return Examined(_with_findings(planned, compared, refs | seen), compared)


def _with_findings(planned: pd.DataFrame, compared: Compared, refs: Refs) -> pd.DataFrame:
    """The plan with updates that would change nothing, and customers that the API has lost, taken for what they are."""
    names = planned["reference_id"]
    lost = names.isin(list(compared.lost))
    same = planned["action"].eq(str(Action.UPDATE)) & ~names.isin(list(compared.changes)) & ~lost
    found = planned.assign(
        action=planned["action"].mask(same | lost, str(Action.NONE)),
        outcome=planned["outcome"].mask(same, str(OutcomeKind.UNCHANGED)).mask(lost, LOST),
    )
    return with_moments(found, refs)


def bodies_of(payloads: Path, block: pd.DataFrame) -> list[bytes]:
    """The bodies of customers by their ``offset`` and ``length``. Raises :class:`OutputError`."""
    try:
        with payloads.open("rb") as file:
            bodies = []
            for offset, length in zip(block["offset"].tolist(), block["length"].tolist(), strict=True):
                file.seek(offset)
                bodies.append(file.read(length))
    except OSError as error:
        raise OutputError(f"{payloads}: the bodies cannot be read: {error.strerror}") from error
    return bodies
