"""The step Send: show account, target, and counts, then send one customer or all, in a process that the page starts."""

from dataclasses import replace
from functools import partial
from typing import Any

from starlette.responses import Response

from importer.errors import OptionError, UsageError
from importer.python_api import CheckResult, Target, account, plan
from importer.settings import KEY_VARIABLE, SANDBOX, Options, resolve_target
from importer.web.analysis import loaded, mapping_file, reading_options, state_of
from importer.web.background import SOON, Report, Seen
from importer.web.page_app import Ask, PageContent, PageStep, file_of
from importer.web.sendings import Order
from importer.web.session_state import Access, Session, command

TARGETS = (
    (SANDBOX, "Sandbox: a test on this machine"),
    ("staging", "Staging"),
    ("production", "Production"),
)
SIGN_OFF = "sign-off.xlsx"
AGAIN = ("resume", "retry", "undo")  # what can be done with an earlier run
OUTCOMES = (
    ("created", "Created", "good"),
    ("updated", "Updated", "good"),
    ("unchanged", "Unchanged", ""),
    ("exists", "Already in WizCommerce", ""),
    ("rejected", "Rejected", "bad"),
    ("failed", "Failed", "bad"),
    ("unknown", "Outcome unknown", "warn"),
    ("pending", "Not sent yet", ""),
)
_PLANNED = (
    ("create", "To create"),
    ("update", "To update"),
    ("unchanged", "Unchanged"),
    ("exists", "Already in WizCommerce"),
    ("in_doubt", "Outcome unknown: will be looked up first"),
    ("lost", "No longer in WizCommerce"),
    ("left_out", "Left out"),
    ("rejected", "Rejected, not sent"),
)


def connection_values(session: Session) -> dict[str, Any]:
    """The values of the connection form, which shows only whether there is a key, never the key itself."""
    named = dict(TARGETS)
    own = session.access.api
    return {
        "access": session.access,
        "targets": TARGETS,
        "own_url": "" if own in named else own,
        "has_key": has_key(session),
        "from_environment": not session.access.key and bool(session.environment.get(KEY_VARIABLE, "").strip()),
    }


def has_key(session: Session) -> bool:
    """Whether there is a key: from the form, or from the environment or the key file of the command line."""
    return bool(key_of(session) or session.base.api_key_file)


def take_access(session: Session, ask: Ask) -> None:
    """Use the target, the key, and the mode from a form; if the key is blank, the current key is kept.

    A key is only for the target that it was entered for; a different target needs its own. Raises :class:`UsageError`.
    """
    api = ask.text("url") if ask.text("api") == "url" else ask.text("api") or session.access.api
    if api != SANDBOX:
        resolve_target(api)
    kept = session.access.key if api == session.access.api else None
    access = Access(api, ask.text("key") or kept, session.access.mode, ask.text("tenant") or None, session.access.rate)
    if ask.text("mode") in ("create", "upsert"):
        access = replace(access, mode="upsert" if ask.text("mode") == "upsert" else "create")
    if "rate" in ask.form:
        access = replace(access, rate=_rate(ask.text("rate")))
    session.access = access


def _rate(text: str) -> float | None:
    """Requests per second; None: the rate is found automatically. Raises :class:`UsageError`."""
    try:
        return Options(rate=text or "auto").rate  # type: ignore[arg-type]  # it accepts text, too
    except OptionError as error:
        raise UsageError(f"the rate {text!r} is not valid", error.hint) from None


def target_of(session: Session) -> Target:
    """The target with its key. Raises :class:`UsageError` if a key is needed and there is none."""
    if session.access.api != SANDBOX and not has_key(session):
        raise UsageError("there is no API key", "Enter the key of the account. It is kept only in memory.")
    return Target(session.access.api, key_of(session))


def key_of(session: Session) -> str | None:
    """The key that was entered, otherwise the key from the environment, otherwise None."""
    return session.access.key or session.environment.get(KEY_VARIABLE, "").strip() or None


def _run_options(session: Session) -> dict[str, Any]:
    access = session.access
    own = {"mode": access.mode, "tenant": access.tenant, "rate": access.rate, "api_key_file": session.base.api_key_file}
    if key_of(session) is not None:
        own["api_key_file"] = None
    given = {**reading_options(session), **own, "out": session.base.out.absolute(), "ledger": session.base.ledger}
    return {name: value for name, value in given.items() if value is not None}


def _plan_of(session: Session, *, begin: bool) -> Seen[CheckResult] | None:
    """The plan for the current state; None if it was not requested."""
    access = session.access
    key = (state_of(session), access)
    if not begin and (session.planned is None or session.planned != key):
        return None
    loaded(session)
    options, sources = _run_options(session), session.sources
    mapping, target = mapping_file(session), target_of(session)

    def work(report: Report) -> CheckResult:
        return plan(list(sources), mapping, target, stage=report, progress=report, **options)

    session.planned = key
    return session.background.ask("plan", key, work, patience=SOON)


def _plan(ask: Ask) -> PageContent:
    session = ask.session
    work = _plan_of(session, begin=False)
    values: dict[str, Any] = {"work": work, "plan": None, "commands": {}, "is_production": False}
    if work is not None and work.result is not None:
        summary = work.result.summary
        counts = [(title, summary["plan"][name]) for name, title in _PLANNED if summary["plan"].get(name)]
        own = {name: value for name, value in _run_options(session).items() if name in ("tenant", "api_key_file")}
        values |= {
            "plan": summary,
            "has_sign_off": (work.result.folder / SIGN_OFF).is_file(),
            "account": account(target_of(session), **own),
            "counts": counts,
            "sendable": summary["plan"]["create"] + summary["plan"]["update"] + summary["plan"].get("in_doubt", 0),
            "is_production": session.access.api == "production" or "api.wizcommerce.com" in session.access.api,
            "commands": {
                "one": f"{command(session, 'run')} --limit 1",
                "all": command(session, "run"),
            },
        }
    return PageContent("send_plan.html", values)


def _progress(ask: Ask) -> PageContent:
    """The progress of the current sending, or the result of the last one."""
    found = ask.session.sendings.all()
    latest = found[0] if found else None
    values: dict[str, Any] = {"sending": latest, "tiles": [], "commands": {}}
    if latest is not None:
        counts = latest.counts if latest.summary is None else latest.summary.get("customers", {})
        counts = counts if isinstance(counts, dict) else {}
        values["tiles"] = [(title, counts[name], tone) for name, title, tone in OUTCOMES if counts.get(name)]
        undone = (latest.summary or {}).get("results") if latest.action == "undo" else None
        values["tiles"] += [(str(name).capitalize(), count, "") for name, count in (undone or {}).items()]
        if latest.run:
            account = ["--ledger", latest.ledger] if latest.ledger != ask.session.base.ledger else []
            values["commands"] = {name: command(ask.session, name, latest.run, *account) for name in AGAIN}
    return PageContent("send_progress.html", values)


def _show(ask: Ask) -> PageContent:
    session = ask.session
    values = {**connection_values(session), "has_sources": bool(session.sources)}
    values |= {"progress": _progress(ask).values, "planned": _plan(ask).values if session.sources else None}
    return PageContent("send.html", values)


def _sign_off(ask: Ask) -> Response:
    work = _plan_of(ask.session, begin=False)
    if work is None or work.result is None:
        raise UsageError("there is no plan for the current settings", "Make a plan first.")
    return file_of(work.result.folder / SIGN_OFF)


def _start_plan(ask: Ask) -> str:
    with ask.edit() as session:
        take_access(session, ask)
        session.background.forget("plan")
        _plan_of(session, begin=True)
    return "/send#plan"


def _send(ask: Ask, limit: int | None) -> str:
    with ask.edit() as session:
        work = _plan_of(session, begin=False)
        if work is None or work.result is None:
            raise UsageError("there is no plan for the current settings", "Make a plan first; then send.")
        if _plan(ask).values["is_production"] and not ask.text("sure"):
            raise UsageError(
                "this sends to production, and you have not confirmed that",
                "Check the counts, and select the checkbox.",
            )
        options = {**_run_options(session), **({"limit": limit} if limit else {})}
        access = session.access
        order = Order("run", access.api, key_of(session), options, session.sources, mapping_file(session))
        session.sendings.begin(order, session.folder)
        session.planned = None
    return "/send"


def _again(ask: Ask, action: str) -> str:
    """Resume, retry, or undo a run."""
    session = ask.session
    found = next((one for one in session.sendings.all() if one.id == ask.text("sending")), None)
    if found is None or found.run is None:
        raise UsageError("unknown run", "Choose it on the Runs page.")
    key = key_of(session) if found.api in (session.access.api, "sandbox") else None
    order = order_again(ask, Order(action, found.api, key, {"ledger": found.ledger}, run=found.run))
    with ask.edit() as changed:
        changed.sendings.begin(order)
        changed.planned = None
    return "/send"


def order_again(ask: Ask, order: Order) -> Order:
    """An order about an earlier run, completed from the form and the session. Raises :class:`UsageError`."""
    if order.action == "undo" and not ask.text("sure"):
        raise UsageError(
            "undoing a run deletes customers, and you have not confirmed that", "Select the checkbox first."
        )
    rate = ask.session.access.rate
    options = {**order.options, **({} if rate is None else {"rate": rate})}
    return replace(order, key=ask.text("key") or order.key, options=options)


def _stop(ask: Ask) -> str:
    ask.session.sendings.stop(ask.text("sending"))
    return "/send"


def _forget(ask: Ask) -> str:
    ask.session.sendings.forget(ask.text("sending"))
    return "/send"


def _drop_key(ask: Ask) -> str:
    with ask.edit() as session:
        session.access = replace(session.access, key=None)
        session.planned = None
        session.background.forget("plan")
    return "/send"


SEND = PageStep(
    "send",
    "Send",
    _show,
    actions={
        "plan": _start_plan,
        "one": partial(_send, limit=1),
        "all": partial(_send, limit=None),
        **{name: partial(_again, action=name) for name in AGAIN},
        "stop": _stop,
        "forget": _forget,
        "key": _drop_key,
    },
    parts={"progress": _progress, "plan": _plan},
    files={"sign-off": _sign_off},
)
