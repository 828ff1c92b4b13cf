"""The nearest known words to a misspelled one."""

import pytest

from importer.did_you_mean import nearest


def test_the_most_similar_words_come_first() -> None:
    assert nearest("emial", ["phone", "mail", "email"], 2) == ["email", "mail"]
    assert nearest("emial", {"phone": 1, "email": 2}) == ["email"]


@pytest.mark.parametrize("word", ["", "x", "a" * 70_000, "\ud800"])
def test_no_word_is_near_enough(word: str) -> None:
    assert nearest(word, ["germany", "austria"]) == []
    assert nearest(word, []) == []


def test_the_cutoff_says_how_similar_a_word_must_be() -> None:
    assert nearest("germny", ["germany"], cutoff=0.9) == ["germany"]
    assert nearest("grmny", ["germany"], cutoff=0.9) == []
