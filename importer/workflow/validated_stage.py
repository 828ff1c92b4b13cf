"""What a run knows before it plans: names looked up, records validated, and customers under the IDs they are known by.

Also what it warns about: customers that are gone, and customers that the API may already have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.api import Client, CustomerRef
from importer.cell_text import fold
from importer.ledger import NOT_SENT, Ledger
from importer.partitions.prepared_sources import PreparedSources
from importer.records import Severity
from importer.run_folder import Stage
from importer.settings import Options
from importer.tables import Positions, ProblemTable, arrow
from importer.validation.describe import problems_at
from importer.validation.field_places import locate
from importer.workflow.api_state import look_up
from importer.workflow.targets import fetch_directory

MOST_PAGES = 200  # pages (of 100 customers) that are read to compare names; more would take too long


async def known_former_ids(client: Client, ledger: Ledger, tenant: str, ids: pd.DataFrame) -> frozenset[str]:
    """The former IDs under which customers are known, except those that are known under their new IDs.

    ``ids``: ``reference_id`` and ``former``. IDs that the ledger does not know are looked up in the API.
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


async def validated_stage(client: Client, ledger: Ledger, tenant: str, work: PreparedSources) -> Stage:
    """Look names up in the API, validate, and warn about customers that are no longer in the sources."""
    with work.timings.stage("lookups"):
        directory = await fetch_directory(client, work.needs())
        kept = await known_former_ids(client, ledger, tenant, work.former_ids())
    stage = work.validate(directory, kept)
    gone = _missing(ledger, tenant, work.loaded.name, stage, work.options)
    return replace(stage, problems=ProblemTable.concat([stage.problems, gone]))


def _missing(ledger: Ledger, tenant: str, mapping: str, stage: Stage, options: Options) -> ProblemTable:
    """A warning for each customer that was sent with this mapping and is no longer in the sources.

    There are none if the sources are not supposed to have all customers.
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
        message=[f"customer {name} was sent before, but is no longer in the sources" for name in gone],
        hint="Nothing is deleted. If the export is complete, check whether WizCommerce still needs the customer.",
    )


def possible_duplicates(stage: Stage, positions: Positions, everyone: Iterable[CustomerRef]) -> ProblemTable:
    """A warning for each customer to be created (``positions``) whose name or email address is already in the API.

    Customers in the API whose reference IDs are in the sources do not count.
    """
    own = set(stage.tables.customers["reference_id"].dropna())
    others = [customer for customer in everyone if customer.reference_id not in own]
    names = _by((customer.name, customer) for customer in others)
    mails = _by((customer.email, customer) for customer in others)
    return ProblemTable.concat(
        [
            _same_text(stage, positions, "company_name", names, code="name_in_api", word="name"),
            _same_text(stage, positions, "email", mails, code="email_in_api", word="email address"),
        ]
    )


def _by(pairs: Iterable[tuple[str, CustomerRef]]) -> dict[str, CustomerRef]:
    """Folded text → the first customer that has it."""
    found: dict[str, CustomerRef] = {}
    for text, customer in pairs:
        found.setdefault(fold(text), customer)
    found.pop("", None)
    return found


def _same_text(
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
        [f"WizCommerce already has a customer with this {word}: {_named(customer)}" for customer in same],
        "If it is the same customer, set this reference ID in WizCommerce, and it will be left alone. "
        "Otherwise, nothing is wrong.",
        code=code,
    )


def _named(customer: CustomerRef) -> str:
    who = f"reference ID {customer.reference_id}" if customer.reference_id else "without a reference ID"
    return f"'{customer.name}', {who}" + (", inactive" if customer.status == "inactive" else "")


def lost_customers(stage: Stage, records: Positions) -> ProblemTable:
    """A warning for each of these customers, which the ledger knows but the API no longer has."""
    return _problems(
        stage,
        "reference_id",
        records,
        ["it was in WizCommerce before, but is not there now"] * len(records),
        "The importer cannot know why it was deleted, so it does not create it again.",
        code="lost_in_api",
    )


def not_compared() -> ProblemTable:
    """A note that the API has too many customers to compare their names."""
    return ProblemTable.build(
        1,
        severity=Severity.INFO,
        code="names_not_compared",
        message=f"WizCommerce has more than {MOST_PAGES * 100:,} customers, so names and email addresses "
        "were not compared with theirs; customers with the same reference ID are still recognized",
        hint="",
    )


def _problems(
    stage: Stage, field: str, records: Positions, messages: list[str], hint: str, *, code: str
) -> ProblemTable:
    places = locate(stage.tables, stage.sources, "customer", field, records)
    values = pc.coalesce(places.cells, pa.array(stage.tables.customers[field].take(records), pa.string()))
    return problems_at(
        stage.tables, "customer", field, records, places,
        severity=Severity.WARNING, code=code, value=values, message=messages, hint=hint,
    )  # fmt: skip
