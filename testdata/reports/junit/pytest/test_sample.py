import pytest


def test_pass():
    print("seen on stdout")


def test_fail():
    assert 41 == 42, 'not <the> answer & "more"'


@pytest.mark.skip(reason="needs a database")
def test_skip():
    pass


@pytest.fixture
def broken():
    raise RuntimeError("the fixture broke")


def test_error(broken):
    pass


@pytest.mark.parametrize("n", [1, 2])
def test_param(n, record_property):
    record_property("n", n)
    assert n < 3


@pytest.mark.xfail(reason="known bug 7")
def test_expected_to_fail():
    assert False


class TestGroup:
    def test_inside(self):
        pass


def test_fails_and_teardown_breaks(request):
    def teardown():
        raise OSError("the teardown broke")

    request.addfinalizer(teardown)


@pytest.mark.xfail(reason="known bug 7", strict=True)
def test_wrongly_expected_to_fail():
    pass


@pytest.mark.xfail(reason="known bug 7")
def test_passes_unexpectedly():
    pass
