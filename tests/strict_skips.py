"""The option `--strict-skips` of pytest: a test that was skipped for want of a tool has failed.

Where a change is judged, all tools are there; a test that is skipped for want of one would
leave unsaid that it tested nothing. What may be missing even there: photographs that nobody may
hand on, a GPU, and the rights of the user that a test is about.
"""

import pytest

# What the reason of an allowed skip begins with.
ALLOWED = (
    "No real photographs",
    "No CamVid",
    "No Cityscapes",
    "No nuclei_256",
    "No planet_256",
    "No GPU",
    "Needs root",
    "Runs as root",
)


def pytest_addoption(parser):
    parser.addoption(
        "--strict-skips",
        action="store_true",
        help="let a test fail that is skipped for want of a tool or a package",
    )


def _judged(report, config):
    if not report.skipped or hasattr(report, "wasxfail") or not config.getoption("strict_skips"):
        return report
    path, line, said = report.longrepr
    reason = said.removeprefix("Skipped: ")
    if not reason.startswith(ALLOWED):
        report.outcome = "failed"
        report.longrepr = (
            f"{path}:{line}: skipped, which --strict-skips does not allow here: {reason}\n"
            "Install what is missing. If a test may be skipped for this reason, say so in "
            "tests/strict_skips.py."
        )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _judged((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _judged((yield), collector.config)
