import unittest

import pytest

tries = []


def test_passes():
    print("counted <1> & 2")


def test_fails():
    assert 3 == 4, "sum of the cart"


@pytest.mark.flaky(reruns=2)
def test_is_flaky():
    tries.append(1)
    assert len(tries) == 3


@pytest.mark.flaky(reruns=1)
def test_fails_twice():
    assert False, "always"


@pytest.mark.skip(reason="no printer here")
def test_is_skipped():
    pass


class TestTable(unittest.TestCase):
    def test_prices(self):
        for cents in (1, 2, 3):
            with self.subTest("price", cents=cents):
                self.assertNotEqual(cents, 2)

    def test_prices_fit(self):
        for cents in (1, 3):
            with self.subTest(cents=cents):
                self.assertNotEqual(cents, 2)


def test_counts(subtests):
    for n in range(2):
        with subtests.test(msg="count", n=n):
            assert n == 0
