def before_scenario(context, scenario):
    if "hook" in scenario.tags:
        raise RuntimeError("no environment")


def after_scenario(context, scenario):
    if "teardown" in scenario.tags:
        raise RuntimeError("cannot be closed")
