"""The API's answer to one request, read defensively: a proxy may send HTML, half a response, or nothing.

An answer counts only if it fits the request. Otherwise, a stray one could be mistaken for the answer to the next.
"""

import os
import re
import ssl
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
import orjson

from importer.api.transport import UnreadableAnswerError
from importer.api.waits import quota_pause, retry_after
from importer.errors import KeyRefusedError
from importer.records import Refusal
from importer.wording import shortened

LONGEST_TEXT = 500  # characters of a message or reason: enough for a person, but not for a page of HTML
MOST_REFUSALS = 100
MOST_VALUES = 500_000  # per answer: a parsed value can take twenty times as much memory as its text
SHORTEST_SECRET = 8  # characters; a shorter key may also occur in a customer's name
IDENTIFIER = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]{1,255}")  # what can be part of a path without escaping
_LIMIT = re.compile(r"rate.?limit|too.?many|quota|throttl", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


class AnswerKind(StrEnum):
    OK = "ok"
    REFUSED = "refused"  # final for this request; ``code``, ``message`` and ``refusals`` say why
    KEY_REFUSED = "key_refused"  # 401, or a 403 that does not mention a limit
    UNKNOWN = "unknown"  # the request may have reached the API, and its outcome is not known
    NOT_SENT = "not_sent"  # nothing left this machine
    GONE = "gone"  # there is no such customer, address or contact


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request, and what a 2xx answer must show to count.

    A POST: a usable id and ``reference_id``. A GET without ``ids``: a list, with them: a record with one of them.
    """

    method: str
    path: str
    body: bytes = b""
    ids: tuple[str, ...] = ()
    reference_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    kind: AnswerKind
    status: int | None = None
    data: dict[str, Any] | None = None  # the answer's own ``data`` object
    code: str | None = None
    message: str | None = None
    refusals: tuple[Refusal, ...] = ()
    seconds: float = 0.0  # from the first request to the last answer
    sent: bool = True  # any request of the call may have left this machine
    repeated: bool = False  # one before the answered one may have, and may be carried out later still


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with the whole parsed body, and what its headers ask for."""

    answer: Answer
    payload: Any = None
    retry_after: float | None = None  # seconds that ``Retry-After`` asks for
    quota: float | None = None  # seconds until a used-up quota is renewed
    limited: bool = False  # the request was not carried out because there were too many
    size: int = 0  # bytes of the body

    @property
    def pause(self) -> float | None:
        """The seconds that the API asks to wait, by whatever means."""
        return self.quota if self.retry_after is None else self.retry_after


def clean(text: object, longest: int = LONGEST_TEXT) -> str:
    """``text`` on one line, without control and formatting characters, cut to ``longest`` characters."""
    head = str(text)[: longest * 4]
    plain = " ".join("".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in head).split())
    return shortened(plain, longest)


def key_refused(answer: Answer) -> KeyRefusedError:
    return KeyRefusedError(
        f"the API refused the key (HTTP {answer.status}): {answer.message}",
        "Check WIZCOMMERCE_API_KEY or the file given by --api-key-file, and that the key belongs to --api.",
    )


def read_reply(call: ApiCall, response: httpx.Response, *, now: float, seconds: float = 0.0, secret: str = "") -> Reply:
    """``now``: this machine's time in epoch seconds. ``secret`` is blanked wherever the API repeats it."""
    status, headers, content = response.status_code, dict(response.headers.items()), response.content
    success = 200 <= status < 300
    payload, readable = _parse(content, "" if success and len(secret) < SHORTEST_SECRET else secret)
    asked, quota, limited = retry_after(headers, now), quota_pause(headers, now), False
    if success:
        # A PATCH, PUT or DELETE may be answered without a body.
        problem = _problem(call, payload) if readable or not content.strip() else "the response is not readable JSON"
        kind = AnswerKind.UNKNOWN if problem else AnswerKind.OK
        message = f"HTTP {status}, but {problem}" if problem else None
        answer = Answer(kind, status, _data(payload), message=message, seconds=seconds)
    else:
        code, message, refusals = _reasons(payload) if readable else (None, _plain_message(content, secret), ())
        limited = status == 429 or (
            status == 403 and (asked is not None or quota is not None or bool(_LIMIT.search(f"{code} {message}")))
        )
        if 300 <= status < 400:
            place = clean(_hide(headers.get("location", ""), secret), 200)
            message = f"redirected to {place or 'nowhere'}; redirects are not followed with the key"
        kind = AnswerKind.REFUSED if limited else _failure(call.method, status)
        answer = Answer(kind, status, None, code, message or f"HTTP {status}", refusals, seconds)
    return Reply(answer, payload, asked, quota, limited, len(content))


def no_answer(error: Exception, *, sent: bool, seconds: float, secret: str) -> Reply:
    """The answer to a request that got none: ``NOT_SENT`` if nothing was sent, otherwise ``UNKNOWN``."""
    reason = clean(_hide(_reason(error), secret), 200)
    kind, what = (AnswerKind.UNKNOWN, "readable response") if sent else (AnswerKind.NOT_SENT, "connection")
    return Reply(Answer(kind, message=f"no {what} ({reason})", seconds=seconds, sent=sent))


def _reason(error: Exception) -> str:
    """An error of the network in the system's words, without anything that came over the wire."""
    causes: list[BaseException] = [error]
    while (cause := causes[0].__cause__) is not None:
        causes.insert(0, cause)
    for cause in causes:
        if isinstance(cause, UnreadableAnswerError):
            return str(cause)
        if isinstance(cause, httpx.ProxyError):
            return "the proxy refused or could not be reached"
        if isinstance(cause, ssl.SSLError):
            words = str(cause.reason or "TLS failed").replace("_", " ").lower()
            detail = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else ""
            return f"{words}: {detail}" if detail else words
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)  # below: the name is unknown
        if isinstance(cause, TimeoutError):
            return "timed out"
    return f"cut off or malformed: {type(error.__cause__ or error).__name__}"


def list_items(payload: Any) -> list[dict[str, Any]] | None:
    """The items of one page of a list, bare or with its pagination; None when ``payload`` is no such page."""
    items = payload
    if isinstance(payload, dict):
        items, pagination = payload.get("data"), payload.get("pagination")
        if items is None and isinstance(pagination, dict) and pagination.get("total_records") == 0:
            items = []
    return items if isinstance(items, list) and all(isinstance(item, dict) for item in items) else None


def _problem(call: ApiCall, payload: Any) -> str:
    """Why a 2xx answer does not count; empty when it does."""
    if call.method == "GET" and not call.ids:
        return "" if list_items(payload) is not None else "the response has no list"
    data = _data(payload)
    identifier = data.get("id") if data else None
    if call.method == "POST":
        if not isinstance(identifier, str) or not IDENTIFIER.fullmatch(identifier):
            return "the response has no usable ID"
        return "" if data and data.get("reference_id") == call.reference_id else "the response has another reference ID"
    if call.method == "GET" and data is None:
        return "the response has no record"
    return "" if identifier is None or identifier in call.ids else "the response is for a different ID"


def _data(payload: Any) -> dict[str, Any] | None:
    data = payload.get("data") if isinstance(payload, dict) else None
    return data if isinstance(data, dict) else None


def _failure(method: str, status: int) -> AnswerKind:
    if status in {401, 403}:
        return AnswerKind.KEY_REFUSED
    if status in {404, 410} and method != "POST":
        return AnswerKind.GONE
    if 400 <= status < 500 and status not in {408, 425}:  # at these two, the server may have acted, or not
        return AnswerKind.REFUSED
    return AnswerKind.UNKNOWN


def _parse(content: bytes, secret: str) -> tuple[Any, bool]:
    """The body as JSON without ``secret`` in it, and whether it is JSON that can be handled."""
    if sum(map(content.count, (b",", b"[", b"{"))) > MOST_VALUES:
        return None, False
    try:
        payload = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
        plain = orjson.dumps(payload)  # raises if lists and objects are nested too deeply
    except (ValueError, TypeError):
        return None, False
    return _without(payload, secret) if secret and orjson.dumps(secret)[1:-1] in plain else payload, True


def _without(value: Any, secret: str) -> Any:
    if isinstance(value, list):
        return [_without(item, secret) for item in value]
    if isinstance(value, dict):
        in_names = secret if len(secret) >= SHORTEST_SECRET else ""
        return {_hide(name, in_names): _without(item, secret) for name, item in value.items()}
    return value if isinstance(value, bool | None) or secret not in str(value) else _hide(str(value), secret)


def _reasons(payload: Any) -> tuple[str | None, str | None, tuple[Refusal, ...]]:
    """Code, message and refusals of ``{code, message, details: [{field, reason}]}``, or of a gateway's own shape."""
    if not isinstance(payload, dict):
        return None, _text(payload), ()
    body = payload["error"] if isinstance(payload.get("error"), dict) else payload
    refusals = tuple(
        refusal
        for name in ("details", "errors", "detail", "message")
        if isinstance(body.get(name), list)
        for item in body[name][:MOST_REFUSALS]
        if (refusal := _refusal(item))
    )[:MOST_REFUSALS]
    message = _first_text(body, ("message", "error", "error_description", "detail", "title"))
    if message is None and refusals:
        message = clean("; ".join(refusal.reason for refusal in refusals))
    return _first_text(body, ("code", "error_code", "type")), message, refusals


def _refusal(item: Any) -> Refusal | None:
    if not isinstance(item, dict):
        reason = _text(item)
        return Refusal("", reason) if reason else None
    place = next((item[name] for name in ("field", "path", "loc", "property") if item.get(name)), "")
    if isinstance(place, list):
        place = ".".join(str(part) for part in place[:20])
    reason = _first_text(item, ("reason", "message", "msg", "detail", "code"))
    field = clean(place, 200)
    return Refusal(field, reason or "refused") if field or reason else None


def _first_text(body: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := _text(body.get(name)))), None)


def _text(value: Any) -> str | None:
    usable = isinstance(value, str | int | float) and not isinstance(value, bool)
    return clean(value) or None if usable else None


def _plain_message(content: bytes, secret: str) -> str | None:
    text = content[:20_000].decode("utf-8", "replace")
    if "<" in text and (title := _TITLE.search(text)):
        text = title[1]
    elif text.lstrip().startswith("<"):
        text = "an HTML page without a title"
    return clean(_hide(text, secret)) or None


def _hide(text: str, secret: str) -> str:
    return text.replace(secret, "[key]") if secret else text
