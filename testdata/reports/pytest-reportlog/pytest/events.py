"""Writes the events that pytest-reportlog 1.0.0 writes, one JSON object a line, the reports serialised by pytest's own hook."""
import json

import pytest


def pytest_addoption(parser):
    parser.addoption("--report-log", default="report.jsonl")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Log(config, open(config.getoption("--report-log"), "w")))


class Log:
    def __init__(self, config, out):
        self.config, self.out = config, out

    def write(self, event):
        if "_report_type" in event:
            event["$report_type"] = event.pop("_report_type")
        self.out.write(json.dumps(event) + "\n")
        self.out.flush()

    def serialise(self, report):
        return self.config.hook.pytest_report_to_serializable(config=self.config, report=report)

    def pytest_sessionstart(self):
        self.write({"pytest_version": pytest.__version__, "$report_type": "SessionStart"})

    def pytest_sessionfinish(self, exitstatus):
        self.write({"exitstatus": exitstatus, "$report_type": "SessionFinish"})

    def pytest_collectreport(self, report):
        self.write(self.serialise(report))

    def pytest_runtest_logreport(self, report):
        self.write(self.serialise(report))

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        self.write({
            "category": warning_message.category.__name__,
            "filename": warning_message.filename,
            "lineno": warning_message.lineno,
            "message": str(warning_message.message),
            "$report_type": "WarningMessage",
            "when": when,
            "location": location,
        })
