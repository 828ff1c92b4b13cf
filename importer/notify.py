"""Telling somebody who is not there: notifications by Apprise, and a healthcheck that is pinged.

Nothing here ends or changes a run: what cannot be told comes back as a sentence. Nothing names a URL.
"""

import logging
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from importer.errors import UsageError
from importer.settings import Notices

__all__ = ["Announcer"]

PING = 5.0  # seconds for one ping
TRIES = 2
NOTIFY = 30.0  # seconds for all notifications


class Announcer:
    """Speaks for one run. Raises :class:`UsageError` when Apprise is lacking, or takes an address for none."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._apprise = _apprise(notices.urls) if notices.urls else None

    def began(self) -> list[str]:
        """The run begins. Comes back: what could not be told."""
        return self._ping("/start", "")

    def ended(self, end: str, title: str, text: str) -> list[str]:
        """The run has ended; ``end`` is one of ``settings.ENDS``. Comes back: what could not be told."""
        failed = self._ping("" if end in {"success", "rejected"} else "/fail", title)
        return failed + (self._notify(end, title, text) if end in self._notices.on else [])

    def _notify(self, end: str, title: str, text: str) -> list[str]:
        if self._apprise is None:
            return []
        kind = {"success": "success", "rejected": "warning", "guard": "warning"}.get(end, "failure")
        try:
            result = self._apprise.notify(text, title, kind, body_format="text", timeout=NOTIFY)
        except Exception as error:  # noqa: BLE001 - a service's own code, of which there are more than a hundred
            return [f"no notification could be sent: {type(error).__name__}"]
        lacking = [service.name for service in result if not service]
        return [f"no notification could be sent by {', '.join(lacking) or 'any service'}"] if not result else []

    def _ping(self, ending: str, text: str) -> list[str]:
        if self._notices.healthcheck is None:
            return []
        url = _below(self._notices.healthcheck, ending)
        reason = ""
        for _ in range(TRIES):
            try:
                answer = httpx.post(url, content=text.encode(), timeout=PING)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                reason = type(error).__name__
                continue
            if answer.is_success:
                return []
            reason = f"HTTP {answer.status_code}"
        return [f"the healthcheck could not be pinged{f' ({ending[1:]})' if ending else ''}: {reason}"]


def _below(url: str, ending: str) -> str:
    """The address of a ping: ``/start`` or ``/fail`` goes before a query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + ending))


def _apprise(urls: tuple[str, ...]) -> Any:
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError:
        raise UsageError("notifications need Apprise", "pip install 'importer[notify]'") from None
    logging.getLogger("apprise").addHandler(logging.NullHandler())  # its warnings are ours to give
    asset = apprise.AppriseAsset(storage_mode="memory")
    asset.app_id = asset.app_desc = "importer"
    made = apprise.Apprise(asset=asset)
    for number, url in enumerate(urls, 1):
        if not made.add(url):
            raise UsageError(
                f"[notify] urls: number {number} is no address that Apprise knows",
                "Such as mailto://user:password@example.com; see https://appriseit.com/services/.",
            )
    return made
