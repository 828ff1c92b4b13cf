"""What QuickBooks exports have in common: addresses as lines, and names of jobs."""

from tests.samples.pools import Place

__all__ = ["COUNTRIES", "block", "in_one_line"]

COUNTRIES = {"US": "", "CA": "Canada", "GB": "United Kingdom", "DE": "Germany"}


def block(place: Place) -> list[str]:
    """An address as on an envelope, without the firm."""
    if place.country == "DE":
        town = f"{place.post_code} {place.city}"
    elif place.country == "GB":
        town = f"{place.city} {place.post_code}"
    else:
        town = f"{place.city}, {place.state} {place.post_code}"
    return [line for line in (place.line_1, place.line_2, town, COUNTRIES[place.country]) if line]


def in_one_line(place: Place) -> str:
    """An American address as one line, as older reports have it."""
    lines = filter(None, (place.line_1, place.line_2, f"{place.city}, {place.state} {place.post_code}"))
    return " ".join(lines)
