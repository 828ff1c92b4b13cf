"""What the API said to one request, read defensively: a proxy in front may answer HTML, half an answer or nothing."""

import os
import re
import ssl
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from importer.records import Refusal

__all__ = ["Answer", "AnswerKind", "Reply", "clean", "no_answer", "read_reply"]

LONGEST_TEXT = 500  # of one message or reason; enough for a person, not for a page of HTML
MOST_REFUSALS = 100
RETRYABLE_STATUS = frozenset({408, 425})  # the server may have acted, or not
GONE_STATUS = frozenset({404, 410})
_AS_IT_CAME = re.compile(r": <|: b'|\n")  # behind these, errors show what they came upon
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


class AnswerKind(StrEnum):
    """What an answer means for the request.

    ``OK``: done. ``REFUSED``: final for this request, ``code``, ``message`` and ``refusals`` say why. ``KEY_REFUSED``:
    401 or 403. ``UNKNOWN``: the request may have reached the API, and nobody can tell what came of it. ``NOT_SENT``:
    no connection could be made, so nothing left this machine. ``GONE``: no such customer (GET, PATCH, DELETE).
    """

    OK = "ok"
    REFUSED = "refused"
    KEY_REFUSED = "key_refused"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one call.

    ``data`` is the answer's own ``data`` object, ``seconds`` the time from the first request to the last answer, and
    ``sent`` says whether any request of the call may have left this machine, ``repeated`` whether one before the
    answered one may have, so that it may be carried out later still.
    """

    kind: AnswerKind
    status: int | None = None
    data: dict[str, Any] | None = None
    code: str | None = None
    message: str | None = None
    refusals: tuple[Refusal, ...] = ()
    seconds: float = 0.0
    sent: bool = True
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with the whole parsed body, the headers, and the seconds that ``Retry-After`` asks for."""

    answer: Answer
    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float | None = None


def clean(text: object, longest: int = LONGEST_TEXT) -> str:
    """``text`` on one line, without control and formatting characters, cut to ``longest`` characters."""
    head = str(text)[: longest * 4]
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in head)
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def read_reply(
    method: str,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    pause: float | None = None,
    seconds: float = 0.0,
    secret: str = "",
) -> Reply:
    """Status, headers (names in lower case) and body → what they mean.

    ``secret`` is blanked wherever the API repeats it in its texts.
    """
    payload, readable = _parse(content)
    data = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(data, dict):
        data = None
    if 200 <= status < 300:
        missing = _missing(method, data, payload, empty=not content.strip(), readable=readable)
        kind = AnswerKind.UNKNOWN if missing else AnswerKind.OK
        message = f"HTTP {status}, but {missing}" if missing else None
        return Reply(Answer(kind, status, data, message=message, seconds=seconds), payload, headers, pause)
    code, message, refusals = _reasons(payload, content, secret, readable=readable)
    if 300 <= status < 400:
        place = clean(_hide(headers.get("location", ""), secret), 200)
        message = f"redirected to {place or 'nowhere'}; redirects are not followed with the key"
    kind = _failure(method, status)
    return Reply(
        Answer(kind, status, None, code, message or f"HTTP {status}", refusals, seconds), payload, headers, pause
    )


def no_answer(error: BaseException, *, sent: bool, seconds: float, secret: str) -> Reply:
    """The answer to a request that got none: ``NOT_SENT`` when nothing left this machine, else ``UNKNOWN``."""
    reason = clean(_hide(_told(error), secret), 200)
    kind, what = (AnswerKind.UNKNOWN, "readable answer") if sent else (AnswerKind.NOT_SENT, "connection")
    return Reply(Answer(kind, message=f"no {what} ({reason})", seconds=seconds, sent=sent))


def _told(error: BaseException) -> str:
    """An error of the network in the words of the system, or in aiohttp's without what came over the wire."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(inner, OSError) and inner.strerror and not isinstance(inner, ssl.SSLError):
        number = inner.errno or 0
        return os.strerror(number) if number > 0 else inner.strerror  # below: the name could not be looked up
    if isinstance(inner, TimeoutError) and not str(inner):
        return "timed out"
    said = getattr(inner, "message", str(inner))
    if not isinstance(said, str):  # aiohttp puts what it has of an answer there
        return "cut off"
    words = _AS_IT_CAME.split(said.removeprefix("400, message:").strip(), maxsplit=1)[0]
    return words.rstrip(" :") or type(error).__name__


def _missing(method: str, data: dict[str, Any] | None, payload: Any, *, empty: bool, readable: bool) -> str:
    """What a 2xx answer lacks to be believed; empty when nothing."""
    if method == "POST":
        identifier = data.get("id") if data else None
        return "" if isinstance(identifier, str) and identifier else "the answer holds no id"
    if method == "GET":
        return "" if isinstance(payload, list | dict) else "the answer holds no data"
    return "" if empty or readable else "the answer is no JSON"  # PATCH and DELETE: any 2xx, with or without a body


def _failure(method: str, status: int) -> AnswerKind:
    if status in {401, 403}:
        return AnswerKind.KEY_REFUSED
    if status in GONE_STATUS and method != "POST":
        return AnswerKind.GONE
    if 400 <= status < 500 and status not in RETRYABLE_STATUS:
        return AnswerKind.REFUSED
    return AnswerKind.UNKNOWN


def _parse(content: bytes) -> tuple[Any, bool]:
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf")), True
    except ValueError:
        return None, False


def _reasons(
    payload: Any, content: bytes, secret: str, *, readable: bool
) -> tuple[str | None, str | None, tuple[Refusal, ...]]:
    """Code, message and refusals of an error body.

    The API's own shape is ``{code, message, details: [{field, reason}]}``; gateways nest it below ``error``, or call
    the parts ``errors``, ``detail``, ``path``, ``loc``, ``msg``.
    """
    if not readable:
        return None, _plain_message(content, secret), ()
    body = payload
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return None, _text(body, secret), ()
    refusals = tuple(
        refusal
        for name in ("details", "errors", "detail", "message")
        if isinstance(body.get(name), list)
        for item in body[name][:MOST_REFUSALS]
        if (refusal := _refusal(item, secret))
    )[:MOST_REFUSALS]
    message = _first_text(body, ("message", "error", "error_description", "detail", "title"), secret)
    if message is None and refusals:
        message = clean("; ".join(refusal.reason for refusal in refusals))
    return _first_text(body, ("code", "error_code", "type"), secret), message, refusals


def _refusal(item: Any, secret: str) -> Refusal | None:
    if not isinstance(item, dict):
        reason = _text(item, secret)
        return Refusal("", reason) if reason else None
    place = next((item[name] for name in ("field", "path", "loc", "property") if item.get(name)), "")
    if isinstance(place, list):
        place = ".".join(str(part) for part in place[:20])
    reason = _first_text(item, ("reason", "message", "msg", "detail", "code"), secret)
    field = clean(_hide(str(place), secret), 200)
    return Refusal(field, reason or "refused") if field or reason else None


def _first_text(body: dict[str, Any], names: tuple[str, ...], secret: str) -> str | None:
    return next((text for name in names if (text := _text(body.get(name), secret))), None)


def _text(value: Any, secret: str) -> str | None:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return clean(_hide(str(value), secret)) or None
    return None


def _plain_message(content: bytes, secret: str) -> str | None:
    text = content[:20_000].decode("utf-8", "replace")
    if "<" in text and (title := _TITLE.search(text)):
        text = title[1]
    elif text.lstrip().startswith("<"):
        text = "an HTML page without a title"
    return _text(text[:2000], secret)


def _hide(text: str, secret: str) -> str:
    return text.replace(secret, "[key]") if secret else text
