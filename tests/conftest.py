"""What all tests share: a clean environment, and a local server that speaks NVIDIA's wire."""

import os
from collections.abc import Iterator

import pytest

from tests.wire import Wire

_OURS = ("NVIDIA_API_KEY", "API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC", "NVIDIA_BASE_URL")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that would be skipped fails instead")


def _forbid_skips(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and config.getoption("--no-skips"):
        report.outcome, report.longrepr = "failed", f"skipped in spite of --no-skips: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    _forbid_skips(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _forbid_skips(collector.config, report)
    return report


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no setting of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name in _OURS or name.startswith("VLM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A server of its own for each test."""
    with Wire() as server:
        yield server
