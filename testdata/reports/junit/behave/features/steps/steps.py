from behave import given, when, then


@given("a shop")
def shop(context):
    pass


@when("it works")
@then("it works")
def works(context):
    pass


@when("it breaks")
def breaks(context):
    assert 1 == 2, "sum of the cart"


@when("it is skipped")
def skipped(context):
    context.scenario.skip("no printer here")


@when("it counts {n:d}")
def counts(context, n):
    assert n == 1


@when("it prints")
def prints(context):
    print("counted <1> & 2")
