"""What a run does with each customer: pure, by the column."""

from typing import Literal

import numpy as np
import pandas as pd

from importer.records import Action, OutcomeKind
from importer.tables import TEXT

__all__ = ["LOST", "Mode", "drift", "ids_to_look_up", "plan"]

Mode = Literal["create", "upsert"]

UNSETTLED = ("sending", "unknown")
ACCEPTED = ("created", "updated")
LOST = "lost"  # the outcome of a customer that a plan found gone from the API
NOT_SENT = ("absent", "planned", "refused")  # nothing of ours is there; somebody else's may be by now


def ids_to_look_up(bodies: pd.DataFrame, known: pd.DataFrame) -> list[str]:
    """The reference ids that must be looked up in the API before a run may create them.

    ``bodies``: ``reference_id``; ``known``: ``reference_id, state`` as the ledger gives them. These are the ids that
    the ledger does not hold, and those of which nothing was created: somebody may have made them by hand since.
    """
    state = _matched(bodies, known, "state")
    return bodies.loc[state.isna() | state.isin(NOT_SENT), "reference_id"].tolist()


def plan(bodies: pd.DataFrame, known: pd.DataFrame, found: pd.DataFrame, *, mode: Mode = "create") -> pd.DataFrame:
    """One action for each customer that can be sent.

    ``bodies``: ``position`` (int64), ``reference_id, hash`` (TEXT) and whatever else, which is handed on; reference ids
    are unique. ``known``: what the ledger holds: ``reference_id, state, hash, customer_id`` (TEXT). ``found``: what the
    API lookup brought for :func:`ids_to_look_up`: ``reference_id, customer_id`` (TEXT), each id at most once.

    Comes back: ``bodies`` with ``action`` (create, update, none), ``outcome`` and ``customer_id`` (TEXT):

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

    The sender reconciles the unsettled ones before it sends anything for them. One that has an id of the API is there:
    what is unsettled is whether an update arrived.
    """
    state = _matched(bodies, known, "state")
    same = (_matched(bodies, known, "hash") == bodies["hash"]).fillna(value=False).to_numpy(dtype=bool)
    found_id = _matched(bodies, found, "customer_id")
    in_doubt = state.isin(UNSETTLED).to_numpy(dtype=bool)
    updating = in_doubt & _matched(bodies, known, "customer_id").notna().to_numpy(dtype=bool)
    unsettled = in_doubt & ~updating
    unchanged = state.isin(ACCEPTED).to_numpy(dtype=bool) & same
    there = (state.isin((*ACCEPTED, "exists")) | found_id.notna()).to_numpy(dtype=bool) & ~unsettled & ~unchanged
    there |= updating
    changes = there if mode == "upsert" else np.zeros(len(bodies), dtype=bool)
    action = np.select(
        [unsettled, changes, unchanged | there], [Action.CREATE, Action.UPDATE, Action.NONE], Action.CREATE
    )
    outcome = np.select(
        [unsettled | (changes & updating), changes, unchanged, there],
        [OutcomeKind.UNKNOWN, OutcomeKind.PENDING, OutcomeKind.UNCHANGED, OutcomeKind.EXISTS],
        OutcomeKind.PENDING,
    )
    customer_id = found_id.fillna(_matched(bodies, known, "customer_id"))
    return bodies.assign(
        action=pd.Series(action, index=bodies.index, dtype=TEXT),
        outcome=pd.Series(outcome, index=bodies.index, dtype=TEXT),
        customer_id=customer_id,
    )


def drift(then: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """The reference ids of customers with whom something else would be done now than a plan says.

    ``then``: the plan, ``now``: what would be done; both ``reference_id, action, outcome, customer_id, updated_at``
    (TEXT). A customer to be updated counts as well when it is another, or changed in WizCommerce (``updated_at``).
    """
    changed = pd.Series(data=False, index=then.index)
    for name in ("action", "outcome", "customer_id", "updated_at"):
        same = _matched(then, now, name).fillna("").eq(then[name].fillna("")).astype(bool)
        if name == "outcome":
            same |= then["outcome"].eq(LOST)
        elif name != "action":
            same |= ~then["action"].eq(str(Action.UPDATE))
        changed |= ~same
    more = now.loc[~now["reference_id"].isin(then["reference_id"]), "reference_id"].tolist()
    return [*then.loc[changed, "reference_id"].tolist(), *more]


def _matched(bodies: pd.DataFrame, frame: pd.DataFrame, column: str) -> "pd.Series[str]":
    """``column`` of the line of ``frame`` with the same reference id, for each body; null where there is none."""
    line = pd.Index(frame["reference_id"]).get_indexer(pd.Index(bodies["reference_id"]))
    return frame[column].astype(TEXT).reset_index(drop=True).reindex(line).set_axis(bodies.index)
