"""What a run knows before it plans: names looked up, records validated, known customers under their ids."""

from dataclasses import replace

import numpy as np
import pandas as pd

from importer.api import Client
from importer.ledger import NOT_SENT, Ledger
from importer.partitions.prepared_sources import PreparedSources
from importer.records import Severity
from importer.run_folder import Stage
from importer.settings import Options
from importer.tables import ProblemTable
from importer.workflow.api_state import look_up
from importer.workflow.targets import fetch_directory


async def known_former_ids(client: Client, ledger: Ledger, tenant: str, ids: pd.DataFrame) -> frozenset[str]:
    """The former ids under which customers are known; one that is known under its new id is not among them.

    ``ids``: ``reference_id`` and ``former``. What the ledger does not know is looked up in the API.
    """
    if not len(ids):
        return frozenset()
    names = pd.concat([ids["reference_id"], ids["former"]]).drop_duplicates().tolist()
    entered = ledger.known(tenant, names)
    known = set(entered.loc[~entered["state"].isin(list(map(str, NOT_SENT))), "reference_id"])
    found, _ = await look_up(client, [name for name in names if name not in known], lambda _: None)
    known |= found.keys()
    pairs = zip(ids["reference_id"], ids["former"], strict=True)
    return frozenset(former for new, former in pairs if former in known and new not in known)


async def settled_stage(client: Client, ledger: Ledger, tenant: str, work: PreparedSources) -> Stage:
    """Look names up in the API, validate, and warn about customers that are no longer in the sources."""
    with work.timings.stage("lookups"):
        directory = await fetch_directory(client, work.needs())
        kept = await known_former_ids(client, ledger, tenant, work.former_ids())
    stage = work.settled(directory, kept)
    gone = _missing(ledger, tenant, work.loaded.name, stage, work.options)
    return replace(stage, problems=ProblemTable.concat([stage.problems, gone]))


def _missing(ledger: Ledger, tenant: str, mapping: str, stage: Stage, options: Options) -> ProblemTable:
    """A warning for each customer that was sent with this mapping and is not in the sources any more.

    None where the sources are not meant to have all customers.
    """
    if options.mode != "upsert" or options.partial or options.only or options.limit is not None:
        return ProblemTable.empty()
    sent = ledger.sent_with(tenant, mapping)["reference_id"]
    there = pd.Index(stage.tables.customers["reference_id"].dropna())
    gone = sent[~sent.isin(there).to_numpy(dtype=np.bool_)]
    return ProblemTable.build(
        len(gone),
        severity=Severity.WARNING,
        code="missing_from_source",
        entity="customer",
        field="reference_id",
        value=gone.array,
        message=[f"customer {name} was sent before and is no longer in the sources" for name in gone],
        hint="Nothing is deleted. If the export is complete, check whether WizCommerce still needs the customer.",
    )
