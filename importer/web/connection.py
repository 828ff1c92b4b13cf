"""Where the page sends to: the target and the key from a form, kept in memory only."""

from dataclasses import replace
from typing import Any

from importer.errors import OptionError, UsageError
from importer.python_api import Target
from importer.settings import KEY_VARIABLE, SANDBOX, Options, resolve_target
from importer.web.page_app import Ask
from importer.web.session_state import Access, Session

TARGETS = (
    (SANDBOX, "Sandbox: a test on this machine"),
    ("staging", "Staging"),
    ("production", "Production"),
)


def connection_values(session: Session) -> dict[str, Any]:
    """What the form of a connection shows: never the key, only whether there is one."""
    named = dict(TARGETS)
    own = session.access.api
    return {
        "access": session.access,
        "targets": TARGETS,
        "own_url": "" if own in named else own,
        "has_key": has_key(session),
        "from_environment": not session.access.key and bool(session.environment.get(KEY_VARIABLE, "").strip()),
        "is_sandbox": own == SANDBOX,
    }


def has_key(session: Session) -> bool:
    """Whether there is a key: from the form, or from the environment or the key file of the command line."""
    return bool(key_of(session) or session.base.api_key_file)


def take_access(session: Session, ask: Ask) -> None:
    """Take the target, the key, and the mode of a form; a blank key leaves the one that is there.

    A key is for the target that it was entered for: another target needs its own. Raises :class:`UsageError`.
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
    """Requests per second; None: the pace is found. Raises :class:`UsageError`."""
    try:
        return Options(rate=text or "auto").rate  # type: ignore[arg-type]  # it reads text, too
    except OptionError as error:
        raise UsageError(f"the rate {text!r} is not valid", error.hint) from None


def target_of(session: Session) -> Target:
    """The target with its key. Raises :class:`UsageError` if one is needed and there is none."""
    if session.access.api != SANDBOX and not has_key(session):
        raise UsageError("there is no API key", "Enter the key of the account. It is kept only in memory.")
    return Target(session.access.api, key_of(session))


def key_of(session: Session) -> str | None:
    """The key that was entered, or that of the environment; None where neither has one."""
    return session.access.key or session.environment.get(KEY_VARIABLE, "").strip() or None
