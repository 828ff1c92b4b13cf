"""What a run does with each customer, column by column."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Action, OutcomeKind
from importer.tables import TEXT

__all__ = ["LOST", "Mode", "drift", "ids_to_look_up", "plan"]

Mode = Literal["create", "upsert"]

UNSETTLED = ("sending", "unknown")
ACCEPTED = ("created", "updated")
LOST = "lost"  # the outcome of a customer that a plan found gone from the API
NOT_SENT = ("absent", "planned", "refused")  # we created nothing; somebody else may have by now


def ids_to_look_up(bodies: pd.DataFrame, known: pd.DataFrame) -> list[str]:
    """The reference ids that must be looked up in the API before a run may create them.

    ``bodies``: ``reference_id``; ``known``: ``reference_id, state`` as the ledger gives them. These are the ids that
    the ledger does not hold, and those that were not created: somebody may have created them by hand since.
    """
    state = _Lines(bodies, known).column("state")
    names: list[str] = _texts(bodies.loc[state.isna() | state.isin(NOT_SENT), "reference_id"]).to_pylist()
    return names


def plan(bodies: pd.DataFrame, known: pd.DataFrame, found: pd.DataFrame, *, mode: Mode = "create") -> pd.DataFrame:
    """One action for each customer that can be sent.

    ``bodies``: ``position`` (int64), ``reference_id, hash`` (TEXT) and whatever else, which is handed on; reference ids
    are unique. ``known``: what the ledger holds: ``reference_id, state, hash, customer_id`` (TEXT). ``found``: what the
    API lookup found for :func:`ids_to_look_up`: ``reference_id, customer_id`` (TEXT), each id at most once.

    Returns ``bodies`` with ``action`` (create, update, none), ``outcome`` and ``customer_id`` (TEXT):

    ===============================  ===========================  ==========================
    the customer                     mode create                  mode upsert
    ===============================  ===========================  ==========================
    may have been sent (unsettled)   create, unknown              create, unknown
    may have been updated            none, exists                 update, unknown
    was accepted, same content       none, unchanged              none, unchanged
    was accepted, other content      none, exists                 update, pending
    was in the API before us         none, exists                 update, pending
    is in neither, or was refused    create, pending              create, pending
    ===============================  ===========================  ==========================

    The sender looks the unsettled ones up before it sends anything for them. One with an id exists: unsettled is
    whether an update arrived.
    """
    ledger = _Lines(bodies, known)
    state, known_id = ledger.column("state"), ledger.column("customer_id")
    same = (ledger.column("hash") == bodies["hash"]).fillna(value=False).to_numpy(dtype=bool)
    found_id = _Lines(bodies, found).column("customer_id")
    unsure = state.isin(UNSETTLED).to_numpy(dtype=bool)
    updating = unsure & known_id.notna().to_numpy(dtype=bool)
    unsettled = unsure & ~updating
    unchanged = state.isin(ACCEPTED).to_numpy(dtype=bool) & same
    there = (state.isin((*ACCEPTED, "exists")) | found_id.notna()).to_numpy(dtype=bool) & ~unsettled & ~unchanged
    there |= updating
    changes = there if mode == "upsert" else np.zeros(len(bodies), dtype=bool)
    action = _first([unsettled, changes, unchanged | there], [Action.CREATE, Action.UPDATE, Action.NONE], Action.CREATE)
    outcome = _first(
        [unsettled | (changes & updating), changes, unchanged, there],
        [OutcomeKind.UNKNOWN, OutcomeKind.PENDING, OutcomeKind.UNCHANGED, OutcomeKind.EXISTS],
        OutcomeKind.PENDING,
    )
    return bodies.assign(action=action, outcome=outcome, customer_id=found_id.fillna(known_id).array)


def drift(then: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """The reference ids of customers that a new plan would treat in another way than ``then``.

    ``then``: the saved plan, ``now``: the new one; both ``reference_id, action, outcome, customer_id, updated_at``
    (TEXT). A customer to be updated counts as well when it is another, or changed in WizCommerce (``updated_at``).
    """
    changed = pd.Series(data=False, index=then.index)
    today = _Lines(then, now)
    for name in ("action", "outcome", "customer_id", "updated_at"):
        same = today.column(name).fillna("").eq(then[name].fillna("")).astype(bool)
        if name == "outcome":
            same |= then["outcome"].eq(LOST)
        elif name != "action":
            same |= ~then["action"].eq(str(Action.UPDATE))
        changed |= ~same
    more = now.loc[~now["reference_id"].isin(then["reference_id"]), "reference_id"].tolist()
    return [*then.loc[changed, "reference_id"].tolist(), *more]


class _Lines:
    """For each body the line of ``frame`` with the same reference id; there is at most one."""

    def __init__(self, bodies: pd.DataFrame, frame: pd.DataFrame) -> None:
        self._index = bodies.index
        self._frame = frame
        self._lines = pc.index_in(_texts(bodies["reference_id"]), value_set=_texts(frame["reference_id"]))

    def column(self, name: str) -> "pd.Series[Any]":
        """A column (TEXT); null where there is no line."""
        found = _texts(self._frame[name]).take(self._lines)
        return pd.Series(pd.arrays.ArrowExtensionArray(found), index=self._index)


def _texts(series: "pd.Series[Any]") -> pa.Array:
    data = series.astype(TEXT).array.__arrow_array__()
    return data.combine_chunks() if isinstance(data, pa.ChunkedArray) else data


def _first(conditions: Sequence[Any], words: Sequence[str], otherwise: str) -> pd.arrays.ArrowExtensionArray:
    """The word of the first condition that holds, by the column (TEXT)."""
    numbers = np.select(conditions, list(range(len(words))), len(words))
    texts = pa.array([*map(str, words), str(otherwise)], pa.string())
    return pd.arrays.ArrowExtensionArray(texts.take(pa.array(numbers)))
