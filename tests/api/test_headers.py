import pytest

from importer.api.waits import quota_pause, retry_after

NOW = 1_750_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        ("0", 0.0),
        (" 2.5 ", 2.5),
        ("Sun, 15 Jun 2025 15:16:40 GMT", 600.0),
        ("Sunday, 15-Jun-25 15:16:40 GMT", 600.0),
        ("Sun Jun 15 15:16:40 2025", 600.0),
        ("Sun, 15 Jun 2025 14:00:00 GMT", 0.0),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_parsed(text, seconds) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds


def test_date_is_compared_with_the_server_clock() -> None:
    headers = {"retry-after": "Wed, 01 Jan 2025 00:01:00 GMT", "date": "Wed, 01 Jan 2025 00:00:15 GMT"}
    assert retry_after(headers, NOW) == 45.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"}, 7.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1750000009"}, 9.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1750000009500"}, 9.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1740000000"}, 0.0),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "7"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "3"}, 3.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "3"}, 3.0),
        ({"ratelimit-remaining": "0"}, None),
        ({"ratelimit": "limit=100, remaining=0, reset=50"}, 50.0),
        ({"ratelimit": '"default";r=0;t=4'}, 4.0),
        ({"ratelimit": '"default";r=3;t=4'}, None),
        ({"ratelimit": "odd"}, None),
        ({"x-ratelimit-remaining": "none", "x-ratelimit-reset": "7"}, None),
    ],
)
def test_quota_pause_is_read_from_headers(headers, seconds) -> None:
    assert quota_pause(headers, NOW) == seconds
