"""Saved plans: what a plan is based on, and checks that none of it has changed when the plan is applied."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from importer.errors import GuardError, OutputError, UsageError
from importer.ledger import Ledger
from importer.mapping.language.mapping_files import LoadedMapping
from importer.planner import drift
from importer.report.sign_off import read_sign_off
from importer.run_folder import RunFolder
from importer.settings import Options
from importer.tables import Sources
from importer.wording import counted, first_few
from importer.workflow.targets import ApiTarget

# Options that determine the bodies and the choice of customers. The others say how to send.
SHAPING = (
    *("mode", "country", "invalid", "dedupe", "sheet", "encoding", "delimiter", "partial", "only"),
    *("values", "corrections"),
)
FILES = ("values", "corrections")  # options that name a file
_DEFAULTS = Options()
AGAIN = "Plan again, look at what changed, and run that plan. Nothing was sent."
NAMED = 3  # customers named in a message


def describe_plan(
    options: Options, target: ApiTarget, loaded: LoadedMapping, sources: Sources, payloads: Path, planned: pd.DataFrame
) -> dict[str, Any]:
    """What a plan is based on, as plain values. ``planned``: what the plan does with each customer."""
    shaping = {name: getattr(options, name) for name in SHAPING}
    named = {name: _full(getattr(options, name)) for name in FILES}
    return {
        "api": options.api,
        "tenant": target.tenant,
        "named_tenant": options.tenant,
        "sources": [_absolute(source) for source in options.sources],
        "inputs": _inputs(sources),
        "mapping": _absolute(options.mapping) if Path(options.mapping).exists() else options.mapping,
        "mapping_sha256": loaded.sha256,
        "tables": _tables(loaded, sources),
        "options": {**shaping, "only": sorted(options.only), **named},
        "payloads_sha256": (digest := _digest(payloads)),
        "fingerprint": _fingerprint(planned, digest),
    }


def _fingerprint(planned: pd.DataFrame, payloads: str) -> str:
    """A digest of exactly what a plan sends: the bodies, and its action and outcome for each customer."""
    lines = planned[["reference_id", "action", "outcome"]].fillna("").agg("\t".join, axis=1)
    return hashlib.sha256("\n".join([payloads, *lines]).encode()).hexdigest()


def _absolute(source: str) -> str:
    return source if "://" in source else str(Path(source).expanduser().absolute())


def _full(path: Path | None) -> str | None:
    return None if path is None else _absolute(str(path))


def _tables(loaded: LoadedMapping, sources: Sources) -> dict[str, str]:
    """The digests of the value table and of the corrections, if there are any."""
    corrections = "" if sources.corrections is None else sources.corrections.sha256
    found = {"the value table": loaded.words.sha256, "the corrections": corrections}
    return {name: digest for name, digest in found.items() if digest}


def _inputs(sources: Sources) -> list[list[str]]:
    found = {(Path(table.file).name, str(table.details.get("sha256"))) for table in sources.tables}
    return [list(item) for item in sorted(found)]


@dataclass(frozen=True)
class SavedPlan:
    """A plan that was saved: what it says about each customer, and what it is based on."""

    folder: RunFolder
    planned: pd.DataFrame
    facts: dict[str, Any]

    @property
    def id(self) -> str:
        return self.folder.run_id

    def options(self, given: Options) -> Options:
        """``given``, with the plan's own options, which override a config file.

        Raises :class:`UsageError` if the command line contradicts the plan.
        """
        facts = self.facts
        planned = given.kept({**facts["options"], "sources": facts["sources"]}, f"plan {self.id}")
        for name in facts["options"]:
            own_value = getattr(given, name)
            same = _full(own_value) == facts["options"][name] if name in FILES else own_value == getattr(planned, name)
            if name not in given.configured and own_value != getattr(_DEFAULTS, name) and not same:
                raise UsageError(f"--{name} is not what plan {self.id} was made with", "Leave it out: the plan has it.")
        own = () if "sources" in given.configured else given.sources
        if own and [_absolute(source) for source in own] != facts["sources"]:
            raise UsageError(f"the sources are not those of plan {self.id}", "Leave them out: the plan has them.")
        mapping = _absolute(given.mapping) if given.mapping and Path(given.mapping).exists() else given.mapping
        for name, value in (("mapping", mapping), ("api", given.api), ("tenant", given.tenant)):
            if value and value != (facts["named_tenant"] if name == "tenant" else facts[name]):
                raise UsageError(f"--{name} is not that of plan {self.id}", "Leave it out: the plan has it.")
        return replace(planned, plan=self.id, api=facts["api"], tenant=facts["named_tenant"], mapping=facts["mapping"])

    def check_sources(self, loaded: LoadedMapping, sources: Sources) -> None:
        """Raise :class:`UsageError` if the mapping, the value table, the corrections, or a source has changed."""
        if loaded.sha256 != self.facts["mapping_sha256"]:
            raise UsageError(f"the mapping {loaded.name} has changed since plan {self.id} was made", AGAIN)
        tables = _tables(loaded, sources)
        earlier = self.facts.get("tables", tables)  # plans of earlier versions lack it
        for name in sorted(tables.keys() | earlier.keys()):
            if tables.get(name) != earlier.get(name):
                has = "have" if name == "the corrections" else "has"
                raise UsageError(f"{name} {has} changed since plan {self.id} was made", AGAIN)
        now, then = _inputs(sources), self.facts["inputs"]
        if now != then:
            names = sorted({item[0] for item in [*now, *then] if (item in now) != (item in then)})
            raise UsageError(f"the sources have changed since plan {self.id} was made: {', '.join(names)}", AGAIN)

    def check_ledger(self, ledger: Ledger, tenant: str) -> None:
        """Raise :class:`UsageError` if the plan has a different tenant or was applied. The lock must be held."""
        if tenant != self.facts["tenant"]:
            raise UsageError(
                f"plan {self.id} belongs to account {self.facts['tenant']}, but this is {tenant}",
                "Use the key and the --api that the plan was made with.",
            )
        for run in ledger.runs(tenant):
            if run.options.get("plan") == self.id and ledger.counts(run.id):
                raise UsageError(
                    f"plan {self.id} was already applied by run {run.id}",
                    f"`importer resume {run.id}` continues it where it stopped. Otherwise, make a new plan.",
                )

    def check_bodies(self, payloads: Path, bodies: pd.DataFrame) -> None:
        """Raise :class:`GuardError` unless the bodies are, byte for byte, those of the plan."""
        if _digest(payloads) == self.facts["payloads_sha256"]:
            return
        merged = self.planned[["reference_id", "hash"]].merge(
            bodies[["reference_id", "hash"]], on="reference_id", how="outer", suffixes=("", "_now")
        )
        other = merged.loc[~merged["hash"].eq(merged["hash_now"]).fillna(value=False), "reference_id"].tolist()
        raise GuardError(
            f"what would be sent differs from plan {self.id}{_examples(other)}: sales reps, price lists, or "
            "attributes in WizCommerce have changed since then, or the importer has.",
            AGAIN,
        )


def open_plan(name: str, out: Path) -> SavedPlan:
    """The plan that ``name`` specifies: its ID below ``out``, its folder, or its signed workbook.

    Raises :class:`UsageError`, even if only what it would send differs from what was signed or planned, and
    :class:`OutputError`.
    """
    if not name.lower().endswith(".xlsx"):
        return _planned(name, out)
    signed = read_sign_off(Path(name))
    beside = signed.path.parent
    plan = _planned(str(beside) if beside.name == signed.plan else signed.plan, out)
    if plan.facts.get("fingerprint") != signed.fingerprint:
        raise UsageError(f"{name} does not match what plan {plan.id} would send", AGAIN)
    signed.check_rows(plan.folder.load_digests())
    return plan


def _planned(name: str, out: Path) -> SavedPlan:
    folder = next((RunFolder(path) for path in (out / name, Path(name)) if path.is_dir()), None)
    saved = None if folder is None else folder.load_plan()
    if folder is None or saved is None:
        raise UsageError(f"there is no plan {name}", f"Use the ID of a plan in {out}, or the path of its folder.")
    plan = SavedPlan(RunFolder(folder.path.absolute()), *saved)
    if _digest(plan.folder.payloads) != plan.facts.get("payloads_sha256"):
        raise UsageError(f"{plan.folder.payloads} was changed after the plan was made", AGAIN)
    known = plan.facts.get("fingerprint")  # earlier versions did not have it
    if known is not None and known != _fingerprint(plan.planned, plan.facts["payloads_sha256"]):
        raise UsageError(f"the actions in plan {plan.id} were changed after it was made", AGAIN)
    return plan


def check_drift(saved: tuple[pd.DataFrame, dict[str, Any]], planned: pd.DataFrame) -> None:
    """Raise :class:`GuardError` if the action for any customer would differ from the plan."""
    changed = drift(saved[0], planned)
    if changed:
        raise GuardError(f"WizCommerce or the ledger has changed since the plan was made{_examples(changed)}.", AGAIN)


def _examples(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" ({counted(len(names), 'customer')}: {first_few(names, NAMED)})"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}", AGAIN) from error
