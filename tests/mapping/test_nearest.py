"""The nearest of many names is the one that difflib finds."""

import difflib
import random

import pytest

from importer.mapping.language.nearest import Nearest
from importer.mapping.transforms.countries import _countries


@pytest.mark.parametrize("cutoff", [0.6, 0.75, 0.82])
def test_countries_that_are_written_wrongly(cutoff: float) -> None:
    rng = random.Random(20250504)
    names = rng.sample(sorted(_countries()), 400)
    nearest = Nearest(names, cutoff)
    found = 0
    for name in rng.sample(names, 60):
        letters = list(name)
        for _ in range(rng.randrange(4)):
            place = rng.randrange(len(letters))
            letters[place : place + rng.randrange(2)] = rng.choice(("", *"aeistrn ", "\u0436"))
            letters = letters or ["x"]
        text = "".join(letters)
        wanted = difflib.get_close_matches(text, names, n=1, cutoff=cutoff)
        assert nearest(text) == (wanted[0] if wanted else None)
        found += bool(wanted)
    assert found > 20


def test_of_names_as_near_the_same_one_is_taken() -> None:
    for names in (["abcd", "abce"], ["abce", "abcd"]):
        assert Nearest(names, 0.6)("abc") == difflib.get_close_matches("abc", names, n=1)[0]


@pytest.mark.parametrize("text", ["", "x", "a" * 70_000, "\ud800"])
def test_texts_that_nothing_is_near_to(text: str) -> None:
    assert Nearest(["germany", "austria"], 0.6)(text) is None
    assert Nearest([], 0.6)(text) is None


def test_letters_that_count_as_the_same_are_told_apart_in_the_end() -> None:
    assert Nearest(["ab"], 0.6)("\u00a1\u00a2") is None  # the same remainders
