import unittest
import warnings

import pytest


def test_passes(record_property):
    record_property("ticket", "SHOP-7")
    print("fine")
    warnings.warn("old")


def test_fails():
    assert 1 == 2, "want 1, got 2"


def test_throws():
    raise KeyError("no cart")


@pytest.fixture
def no_environment():
    raise RuntimeError("no environment")


@pytest.fixture
def not_removable():
    yield
    raise RuntimeError("cannot be removed")


def test_setup_breaks(no_environment):
    pass


def test_teardown_breaks(not_removable):
    pass


def test_fails_and_teardown_breaks(not_removable):
    assert False, "first"


@pytest.mark.skip(reason="no database")
def test_skipped():
    pass


def test_skipped_within():
    pytest.skip("no network")


@pytest.mark.xfail(reason="not built")
def test_expected_to_fail():
    assert False


@pytest.mark.xfail(reason="not built")
def test_expected_to_fail_and_passes():
    pass


@pytest.mark.xfail(reason="not built", strict=True)
def test_must_fail_and_passes():
    pass


@pytest.mark.xfail(reason="not built", run=False)
def test_expected_to_fail_and_not_run():
    pass


@pytest.mark.parametrize("n, want", [(1, 2), (2, 5)], ids=["two", "a::b/c"])
def test_counts(n, want):
    assert n + n == want


class TestPrices:
    def test_net(self):
        pass


class TestOrders(unittest.TestCase):
    def test_lines(self):
        for n in range(3):
            with self.subTest("line", n=n):
                self.assertNotEqual(n, 1)


tries = 0


@pytest.mark.flaky(reruns=2)
def test_flaky():
    global tries
    tries += 1
    assert tries == 2, f"try {tries}"


@pytest.mark.flaky(reruns=1)
def test_fails_in_every_try():
    assert False, "no"
