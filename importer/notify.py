"""Notifications for people who are not watching: through Apprise, and through a health check that is pinged.

A failure here never ends or changes a run: it is returned as a sentence. No message names a URL.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from importer.errors import UsageError
from importer.settings import Notices

PING = 10.0  # seconds for one ping, all tries together
TRIES = 2
NOTIFY = 30.0  # seconds for all notifications


class Announcer:
    """Announces one run. Raises :class:`UsageError` if Apprise is missing or does not support a URL."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._services = _services(notices.urls) if notices.urls else []

    def began(self) -> list[str]:
        """Announce that the run begins. Returns a sentence for each failure."""
        return self._ping("/start", "")

    def ended(self, end: str, title: str, text: str) -> list[str]:
        """Announce that the run has ended; ``end`` is one of ``ENDS``. Returns a sentence for each failure."""
        failed = self._ping("" if end in {"success", "rejected"} else "/fail", title)
        return failed + (self._notify(end, title, text) if end in self._notices.on else [])

    def _notify(self, end: str, title: str, text: str) -> list[str]:
        kind = {"success": "success", "rejected": "warning", "guard": "warning"}.get(end, "failure")

        def send(service: Any) -> str:
            return "" if service.notify(text, title, kind, body_format="text") else "failed"

        reasons = _at_once([partial(send, service) for service in self._services], NOTIFY)
        failed = [
            service[0].service_name if reason == "failed" else f"{service[0].service_name} ({reason})"
            for service, reason in zip(self._services, reasons, strict=True)
            if reason
        ]
        return [f"no notification could be sent through {', '.join(failed)}"] if failed else []

    def _ping(self, ending: str, text: str) -> list[str]:
        if self._notices.healthcheck is None:
            return []
        parts = urlsplit(self._notices.healthcheck)  # its query stays after the path
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + ending))
        (reason,) = _at_once([partial(_post, url, text)], PING)
        where = f" ({ending[1:]})" if ending else ""
        return [f"the healthcheck could not be pinged{where}: {reason}"] if reason else []


def _at_once(actions: Sequence[Callable[[], str]], seconds: float) -> list[str]:
    """Run the actions at the same time. Returns what went wrong in each ("" for nothing), after at most ``seconds``.

    The timeouts of libraries start over with every byte that arrives, so each action has a thread, which is abandoned
    when its time is up.
    """
    reasons = ["timed out"] * len(actions)

    def run(number: int, action: Callable[[], str]) -> None:
        try:
            reasons[number] = action()
        except Exception as error:  # noqa: BLE001 - Apprise has more than a hundred services
            reasons[number] = type(error).__name__

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(actions)]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return reasons.copy()


def _post(url: str, text: str) -> str:
    """Ping ``url``. Returns what went wrong; the answer's body is not read."""
    proxied = urlsplit(url).scheme == "https"  # plain http is for this machine only, and never for a proxy
    reason = ""
    for _ in range(TRIES):
        try:
            with httpx.stream("POST", url, content=text.encode(), timeout=PING / TRIES, trust_env=proxied) as answer:
                if answer.is_success:
                    return ""
                reason = f"HTTP {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = type(error).__name__
    return reason


def _services(urls: tuple[str, ...]) -> list[Any]:
    """An Apprise object for each URL, so that none waits for another. Raises :class:`UsageError`."""
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError:
        raise UsageError(
            "notifications need Apprise", "Install it with: pip install 'wizcommerce-importer[notify]'"
        ) from None
    logging.getLogger("apprise").addHandler(logging.NullHandler())  # the importer reports failures itself
    # With a timeout of its own, Apprise would leave a thread behind that Python waits for at exit.
    asset = apprise.AppriseAsset(storage_mode="memory", service_timeout=0)
    asset.app_id = asset.app_desc = "importer"
    services = []
    for number, url in enumerate(urls, 1):
        service = apprise.Apprise(asset=asset)
        if not service.add(url):
            raise UsageError(
                f"[notify] urls: number {number} is not a URL that Apprise supports",
                "Use a URL such as mailto://user:password@example.com; see https://appriseit.com/services/.",
            )
        services.append(service)
    return services
