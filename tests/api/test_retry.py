import random

from importer.api import RetryPolicy


def test_delays_are_random_below_a_doubling_bound() -> None:
    policy = RetryPolicy(first=0.5, longest=30.0)
    for attempt, bound in [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (5000, 30.0)]:
        delays = [policy.delay(attempt, random.Random(seed)) for seed in range(300)]
        assert 0 <= min(delays) < 0.1 * bound
        assert 0.9 * bound < max(delays) <= bound
