"""``adopt``: rebuild a lost ledger from what the API has. Nothing is sent."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import pandas as pd

from importer.api import AnswerKind, Client, CustomerRef
from importer.commands.run import begin, prepare_run
from importer.errors import ApiUnavailableError
from importer.ledger import Accepted, LedgerStep, State
from importer.partitions.prepared_sources import PreparedSources, check_only, prepared
from importer.planner import FieldChange, Merger, plan
from importer.planner.compare import body_of
from importer.records import Action, OutcomeKind
from importer.run_folder import PayloadFile
from importer.sender.creating import child_ids
from importer.sender.customer_rounds import Rounds
from importer.settings import Options
from importer.wording import first_few
from importer.workflow.api_state import BLOCK, Refs, Twice, confirm_lost, found_frame, found_twice, look_up, merger_for
from importer.workflow.changes_file import examples, write_changes
from importer.workflow.guards import guard_export
from importer.workflow.job import Job
from importer.workflow.open_sources import chosen
from importer.workflow.supervision import Watch
from importer.workflow.timings import Timings

AGAIN = "Run adopt again. It skips the customers that it has already found."
IN_DOUBT = ("sending", "unknown")
SENT = ("created", "updated")
MOST_FIELDS = 5  # fields named in a message


def adopt(options: Options, environment: Mapping[str, str], *, watch: Watch) -> dict[str, Any]:
    """Load, map, and validate; look up each customer in the API, compare it, and record it in the ledger.

    Customers that the ledger already knows are skipped, unless ``options.only`` names them. Returns the summary of a
    run; its ``adopted`` says what was found. Raises what :func:`importer.commands.run.run` raises.
    """
    with prepared(options, Timings(began=watch.stage), hashed=True) as work:
        check_only(options, work)
        return begin("adopt", work, environment, partial(_carry_out, work=work), watch=watch)


async def _carry_out(job: Job, client: Client, *, work: PreparedSources) -> None:
    await prepare_run(job, client, work)
    guard_export(job, work.loaded)
    job.watch.sending = True
    adopting = _Adopting(job, client, merger_for(job.stage))
    try:
        with job.timings.stage("plan"):
            await adopting.find()
            await adopting.compare()
    finally:
        job.watch.sending = False
        adopting.report()


@dataclass
class _Adopting:
    """A call of :func:`adopt`. ``found``: the customers to compare. ``changes``: the differences found in them."""

    job: Job
    client: Client
    merger: Merger
    planned: pd.DataFrame = field(default_factory=pd.DataFrame)
    found: Refs = field(default_factory=dict)
    changes: dict[str, list[FieldChange]] = field(default_factory=dict)
    steps: list[LedgerStep] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    same: int = 0

    def __post_init__(self) -> None:
        self.rounds = Rounds(self.job.options.concurrency, self.job.watch.stop, AGAIN)

    async def find(self) -> None:
        """Look up the customers that are to be adopted, and enter the run's plan into the ledger."""
        job, tenant = self.job, self.job.run.tenant
        own = chosen(job.options, job.bodies)
        known = job.ledger.known(tenant, own["reference_id"])
        left = known[known["state"].isin(IN_DOUBT if job.options.only else (*IN_DOUBT, *SENT))]
        asked = own.loc[~own["reference_id"].isin(left["reference_id"]), "reference_id"].tolist()
        record = partial(job.ledger.record_lookup, tenant)
        refs, twice = await look_up(self.client, asked, job.watch.stage, record)
        self.found = {name: ref for name, ref in refs.items() if name not in twice}
        await self._settle_unlisted(known[known["reference_id"].isin([n for n in asked if n not in twice])])
        self._enter(own, twice)

    async def _settle_unlisted(self, known: pd.DataFrame) -> None:
        """Find out whether customers of ``known`` that were sent but are not listed exist after all or are gone."""
        unlisted = known[known["state"].isin(SENT) & ~known["reference_id"].isin(list(self.found))]
        gone = await confirm_lost(self.client, unlisted, self.rounds)
        self.job.ledger.record_gone(self.job.run.tenant, sorted(gone))
        for name, customer_id in zip(unlisted["reference_id"], unlisted["customer_id"], strict=True):
            if name not in gone:
                self.found[name] = CustomerRef(customer_id, name, "", "")

    def _enter(self, own: pd.DataFrame, twice: Twice) -> None:
        job = self.job
        known = job.ledger.known(job.run.tenant, own["reference_id"])
        planned = plan(own, known, found_frame(self.found))
        names = planned["reference_id"]
        looked, doubled = names.isin(list(self.found)), names.isin(list(twice))
        in_doubt = names.isin(known.loc[known["state"].isin(IN_DOUBT), "reference_id"])
        self.planned = planned.assign(
            action=planned["action"].mask(looked | doubled, str(Action.NONE)),
            outcome=planned["outcome"]
            .mask(looked, str(OutcomeKind.PENDING))
            .mask(doubled, str(OutcomeKind.FAILED))
            .mask(in_doubt, str(OutcomeKind.UNKNOWN)),
        )
        job.ledger.plan_run(job.run.id, self.planned)
        lines = planned[doubled]
        job.ledger.record_outcomes(job.run, found_twice(lines, twice))

    async def compare(self) -> None:
        """Compare the customers found with the source, and record them in the ledger. Raises :class:`StopError`."""
        lines = self.planned[self.planned["reference_id"].isin(list(self.found))]
        for start in range(0, len(lines), BLOCK):
            self.job.watch.stage(f"Comparing customers with the source: {start:,} of {len(lines):,}")
            block = lines.iloc[start : start + BLOCK]
            rows: list[Any] = list(block.itertuples())
            bodies = PayloadFile(self.job.paths.payloads)(rows)
            try:
                await self.rounds.each(list(zip(rows, bodies, strict=True)), self._look)
            finally:
                steps, self.steps = self.steps, []
                self.job.ledger.take_over(self.job.run, steps)
            self.rounds.check()
        if self.unread:
            raise ApiUnavailableError(f"customer {first_few(self.unread, 1)} could not be read", AGAIN)

    async def _look(self, item: tuple[Any, bytes]) -> None:
        row, body = item
        answer = await self.rounds.ask(self.client.get(self.found[row.reference_id].id))
        if answer.kind is not AnswerKind.OK or answer.data is None:
            self.unread.append(row.reference_id)
            return
        existing, new = body_of(answer.data), orjson.loads(body)
        changes = self.merger.changes(existing, new)
        outcome, code, message, digest = OutcomeKind.UNCHANGED, None, None, row.hash
        body = orjson.dumps(self.merger.claimed(existing, new))
        if changes:
            paths = [change.path for change in changes]
            what = "a different value" if len(paths) == 1 else "different values"
            message = f"WizCommerce has {what} in {first_few(paths, MOST_FIELDS)}"
            outcome, code = OutcomeKind.EXISTS, "differs_in_api"
            digest = hashlib.sha256(body).hexdigest()
            self.changes[row.reference_id] = changes
        self.same += not changes
        moment = answer.data.get("updated_at")
        accepted = Accepted(body, child_ids(answer.data), moment if isinstance(moment, str) else None)
        self.steps.append(
            LedgerStep(
                row.position,
                row.reference_id,
                State.UPDATED,
                outcome,
                attempts=0,
                customer_id=self.found[row.reference_id].id,
                error_code=code,
                error_message=message,
                accepted=accepted,
                hash=digest,
            )
        )

    def report(self) -> None:
        job = self.job
        if self.changes:
            ids, positions = self.planned["reference_id"].tolist(), self.planned["position"].tolist()
            order = sorted(self.changes, key=dict(zip(ids, positions, strict=True)).__getitem__)
            self.changes = {name: self.changes[name] for name in order}
            write_changes(job.paths, job.stage, self.planned, self.changes)
        job.adopted = self._counts()

    def _counts(self) -> dict[str, Any]:
        """How many customers there are in each category (together, all customers), and ``examples``."""
        rejected = int(self.job.stage.rejected.sum())
        chosen_ones = len(chosen(self.job.options, self.job.bodies))
        found = Counter[str]()
        if len(self.planned):
            others = self.planned[~self.planned["reference_id"].isin(list(self.found))]
            found = Counter((others["action"] + " " + others["outcome"]).tolist())
        named = {
            "same": self.same,
            "differ": len(self.changes),
            "absent": found["create pending"],
            "twice": found["none failed"],
            "known": found["none unchanged"] + found["none exists"],
            "in_doubt": sum(count for name, count in found.items() if name.endswith(" unknown")),
        }
        return {
            **named,
            "unread": chosen_ones - sum(named.values()),
            "left_out": len(self.job.stage.rejected) - rejected - chosen_ones,
            "rejected": rejected,
            "examples": examples(self.changes),
        }
