"""What a run does with each customer, computed for whole columns at once."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from importer.records import Action, OutcomeKind
from importer.tables import TEXT

Mode = Literal["create", "upsert"]

UNSETTLED = ("sending", "unknown")
ACCEPTED = ("created", "updated")
LOST = "lost"  # the outcome of a customer that a plan found gone from the API
NOT_SENT = ("absent", "planned", "refused")  # the importer created nothing, but someone else may have by now


def ids_to_look_up(bodies: pd.DataFrame, known: pd.DataFrame) -> list[str]:
    """The reference ids to look up before a run may create them: someone may have created them manually since."""
    state = _lines(bodies, known)["state"]
    names: list[str] = bodies.loc[state.isna() | state.isin(NOT_SENT), "reference_id"].tolist()
    return names


def plan(bodies: pd.DataFrame, known: pd.DataFrame, found: pd.DataFrame, *, mode: Mode = "create") -> pd.DataFrame:
    """The action for each customer that can be sent.

    ``bodies``: ``position`` (int64), ``reference_id, hash`` (TEXT), and any other columns, which are passed on;
    reference IDs are unique. ``known``: what the ledger holds: ``reference_id, state, hash, customer_id`` (TEXT).
    ``found``: what the API lookup found for :func:`ids_to_look_up`: ``reference_id, customer_id`` (TEXT), each ID at
    most once.

    Returns ``bodies`` with ``action`` (create, update, none), ``outcome`` and ``customer_id`` (TEXT):

    ===============================  ===========================  ==========================
    the customer                     mode create                  mode upsert
    ===============================  ===========================  ==========================
    may have been sent (unsettled)   create, unknown              create, unknown
    may have been updated            none, exists                 update, unknown
    was accepted, same content       none, unchanged              none, unchanged
    was accepted, different content  none, exists                 update, pending
    was in the API before us         none, exists                 update, pending
    is in neither, or was refused    create, pending              create, pending
    ===============================  ===========================  ==========================

    The sender looks up each customer with the outcome ``unknown`` before it sends anything for it. A customer with an
    ID exists; only whether an update reached it is unknown.
    """
    ledger = _lines(bodies, known)
    state, known_id = ledger["state"], ledger["customer_id"]
    same = (ledger["hash"] == bodies["hash"]).fillna(value=False).to_numpy(dtype=bool)
    found_id = _lines(bodies, found)["customer_id"]
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
    return bodies.assign(action=action.array, outcome=outcome.array, customer_id=found_id.fillna(known_id).array)


def drift(then: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """The reference IDs that the new plan ``now`` treats differently from the saved plan ``then``.

    An update also counts if it is now for a customer with a different ID, or if the customer was changed in WizCommerce
    (``updated_at``).
    """
    changed = pd.Series(data=False, index=then.index)
    today = _lines(then, now)
    for name in ("action", "outcome", "customer_id", "updated_at"):
        same = today[name].fillna("").eq(then[name].fillna("")).astype(bool)
        if name == "outcome":
            same |= then["outcome"].eq(LOST)
        elif name != "action":
            same |= ~then["action"].eq(str(Action.UPDATE))
        changed |= ~same
    more = now.loc[~now["reference_id"].isin(then["reference_id"]), "reference_id"].tolist()
    return [*then.loc[changed, "reference_id"].tolist(), *more]


def _lines(bodies: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """For each body, the line of ``frame`` with the same reference ID, or nulls if there is none; IDs are unique."""
    return frame.set_index("reference_id").reindex(bodies["reference_id"]).set_axis(bodies.index)


def _first(conditions: Sequence[Any], words: Sequence[str], otherwise: str) -> pd.Series:
    return pd.Series(np.select(conditions, [str(word) for word in words], str(otherwise)), dtype=TEXT)
