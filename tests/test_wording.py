"""Parts of messages: counts, lists that end early, and the nearest known words to a misspelled one."""

import pytest

from importer.wording import all_of, counted, first_few, listed, nearest, shortened


def test_counts_have_plurals_and_separators() -> None:
    said = [counted(1, "customer"), counted(2_000, "customer"), counted(0, "row"), counted(2, "address")]
    assert said == ["1 customer", "2,000 customers", "0 rows", "2 addresses"]


def test_small_totals_are_not_counted() -> None:
    said = [all_of(count, "customer") for count in (1, 2, 3_000)]
    assert said == ["The only customer", "Both customers", "All 3,000 customers"]


def test_list_names_the_first_few() -> None:
    assert first_few([], 2) == ""
    assert first_few(["A", "B"], 2) == "A, B"
    assert first_few(["A", "B", *"C" * 1_234], 2) == "A, B, and 1,234 more"
    assert first_few(["A", "B"], 1) == "A and 1 more"
    assert first_few(["A", "B", "C"], 2, "\n") == "A\nB\nand 1 more"


def test_list_of_three_has_two_commas() -> None:
    assert [listed(["a", "b", "c"][:count]) for count in (1, 2, 3)] == ["a", "a and b", "a, b, and c"]
    assert listed(["a", "b", "c"], "or else") == "a, b, or else c"


def test_text_is_cut_to_its_length_with_an_ellipsis() -> None:
    assert [shortened("abcd", longest) for longest in (3, 4, 5)] == ["ab…", "abcd", "abcd"]


def test_most_similar_words_come_first() -> None:
    assert nearest("emial", ["phone", "mail", "email"], 2) == ["email", "mail"]
    assert nearest("emial", {"phone": 1, "email": 2}) == ["email"]


@pytest.mark.parametrize("word", ["", "x", "a" * 70_000, "\ud800"])
def test_no_word_is_similar_enough(word: str) -> None:
    assert nearest(word, ["germany", "austria"]) == []
    assert nearest(word, []) == []


def test_cutoff_sets_the_required_similarity() -> None:
    assert nearest("germny", ["germany"], cutoff=0.9) == ["germany"]
    assert nearest("grmny", ["germany"], cutoff=0.9) == []
