"""``plan``: what a run would do with each customer. Sends nothing, and changes nothing in the ledger."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import anyio
import numpy as np
import pandas as pd

from importer.api import Client
from importer.errors import InterruptedRunError
from importer.ledger import Ledger, open_ledger
from importer.partitions.prepared_sources import PreparedSources, check_only, prepared
from importer.planner import LOST, Mode, ids_to_look_up
from importer.planner import plan as plan_actions
from importer.records import Action, OutcomeKind
from importer.report.report_input import Reader
from importer.report.summary import RunEnd
from importer.run_folder import RunFolder, Stage, new_run_id
from importer.sender.customer_rounds import Rounds
from importer.settings import Commands, Options
from importer.tables import ProblemTable
from importer.workflow.api_state import Changes, examine, found_frame, look_up, without_twice
from importer.workflow.changes_file import examples, write_changes
from importer.workflow.old_folders import prune_plans
from importer.workflow.open_sources import chosen, with_dates
from importer.workflow.report_writer import exit_code, unsent_outcomes, with_columns, with_facts, write_reports
from importer.workflow.saved_plan import describe_plan
from importer.workflow.since_last_run import imported_before
from importer.workflow.supervision import Watch
from importer.workflow.targets import ApiTarget, check_account, client_for, limiter_for, open_target
from importer.workflow.timings import Timings, utc_now
from importer.workflow.validated_stage import (
    MOST_PAGES,
    lost_customers,
    not_compared,
    possible_duplicates,
    validated_stage,
)

AGAIN = "Nothing was sent. Run plan again."
ACCEPTED = ("created", "updated")


def plan(options: Options, environment: Mapping[str, str], *, recheck: bool, watch: Watch) -> dict[str, Any]:
    """Load, map, and validate; find out what a run would do now. Returns the summary.

    ``recheck``: also look for customers that the ledger knows but the API no longer has. Raises :class:`InputError`
    like a check, and :class:`StopError` if the API or the ledger cannot be read completely.
    """
    started = utc_now()
    options = with_dates(options, started)
    timings = Timings(began=watch.stage)
    with prepared(options, timings, hashed=True) as work:
        check_only(options, work)
        with open_ledger(options.ledger) as ledger, open_target(options, environment, ledger.path) as target:
            check_account(ledger, target, options, remember=False)
            planning = _Planning(options, ledger, target, watch, work, timings, started, recheck)
            anyio.run(planning.find_out)
        return planning.report()


@dataclass
class _Planning:
    """A plan while it is being made."""

    options: Options
    ledger: Ledger
    target: ApiTarget
    watch: Watch
    work: PreparedSources
    timings: Timings
    started: datetime
    recheck: bool
    stage: Stage = field(init=False)
    folder: RunFolder = field(init=False)
    bodies: pd.DataFrame = field(init=False)
    planned: pd.DataFrame = field(init=False)
    changes: Changes = field(default_factory=dict)
    imported_before: Mapping[str, Any] | None = None

    async def find_out(self) -> None:
        """Get everything that the plan is based on from the ledger and the API."""
        limiter = limiter_for(self.target, self.options, self.watch.phase)
        try:
            async with self.watch.signals(), client_for(self.target, self.options, limiter) as client:
                await self._prepare(client)
                with self.timings.stage("plan"):
                    await self._plan(client)
        except InterruptedRunError as error:
            raise InterruptedRunError(error.message, AGAIN) from error

    async def _prepare(self, client: Client) -> None:
        self.stage = await validated_stage(client, self.ledger, self.target.tenant, self.work)
        self.folder = RunFolder.create(self.options.out, new_run_id(self.started))
        with self.timings.stage("payloads"):
            self.bodies = self.work.write_bodies(self.folder)
        self.work.release()

    async def _plan(self, client: Client) -> None:
        bodies = chosen(self.options, self.bodies)
        tenant = self.target.tenant
        known = self.ledger.known(tenant, bodies["reference_id"])
        refs, twice = await look_up(client, ids_to_look_up(bodies, known), self.watch.stage)
        mode = cast("Mode", self.options.mode)
        planned = without_twice(plan_actions(bodies, known, found_frame(refs), mode=mode), twice)
        also = known.loc[known["state"].isin(ACCEPTED), "reference_id"].tolist() if self.recheck else []
        rounds = Rounds(self.options.concurrency, self.watch.stop, AGAIN)
        payloads, say = self.folder.payloads, self.watch.stage
        self.planned, self.changes = await examine(
            self.ledger, tenant, client, planned, refs, payloads, self.stage, rounds, say, also=also
        )
        await self._warn_of_duplicates(client)
        self.imported_before = imported_before(self.ledger, tenant, self.stage)

    async def _warn_of_duplicates(self, client: Client) -> None:
        create = self.planned["outcome"].eq(str(OutcomeKind.PENDING)) & self.planned["action"].eq(str(Action.CREATE))
        positions = self.planned.loc[create, "position"].to_numpy(dtype=np.int64)
        gone = self.planned.loc[self.planned["outcome"] == LOST, "position"].to_numpy(dtype=np.int64)
        found = [self.stage.problems, lost_customers(self.stage, gone)]
        if len(positions):
            everyone = await client.customers(most_pages=MOST_PAGES)
            warnings = not_compared() if everyone is None else possible_duplicates(self.stage, positions, everyone)
            found.append(warnings)
        self.stage = replace(self.stage, problems=ProblemTable.concat(found))

    def report(self) -> dict[str, Any]:
        loaded = self.work.loaded
        stage = with_facts(self.stage, "plan", self.started, loaded, self.options, self.timings)
        write_changes(self.folder, stage, self.planned, self.changes)
        outcomes = unsent_outcomes(stage, OutcomeKind.VALID)
        outcomes = outcomes.assign(action=outcomes["action"].where(stage.rejected, str(Action.NONE)))
        outcomes = with_columns(outcomes, self.planned, ("action", "customer_id"))
        facts = describe_plan(self.options, self.target, loaded, stage.sources, self.folder.payloads, self.planned)
        self.folder.save_plan(self.planned, facts)
        self.folder.save(stage)
        end = RunEnd(
            exit_code(stage, outcomes),
            utc_now(),
            plan=self._counts(stage),
            imported_before=self.imported_before,
            reader=Reader(self.options.for_, self.options.contact),
            fingerprint=facts["fingerprint"],
        )
        summary = write_reports(self.folder, stage, outcomes, None, end, Commands.of(self.options))
        if self.options.keep is not None:
            prune_plans(self.folder.path, self.target.tenant, self.options.keep, self.watch.phase)
        return summary

    def _counts(self, stage: Stage) -> dict[str, Any]:
        """How many customers a run would create, update, and so on (together, all customers), and ``examples``."""
        counts = Counter((self.planned["action"] + " " + self.planned["outcome"]).value_counts().to_dict())
        named = {
            "create": counts["create pending"],
            "update": counts["update pending"],
            "exists": counts["none exists"],
            "unchanged": counts["none unchanged"],
            "in_doubt": counts["create unknown"] + counts["update unknown"],
            "lost": counts[f"none {LOST}"],
        }
        rejected = int(stage.rejected.sum())
        left_out = len(stage.rejected) - rejected - sum(named.values())
        return {**named, "left_out": left_out, "rejected": rejected, "examples": examples(self.changes)}
