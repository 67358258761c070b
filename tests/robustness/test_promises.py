"""The short form of `python -m tests.robustness`: every promise is kept, each kind in a process of its own."""

import subprocess
import sys

import pytest

from tests.robustness.__main__ import KINDS
from tests.support.chromium import CHROMIUM
from tests.support.paths import ROOT

pytest.importorskip("hypothesis", reason="hypothesis is not installed: see requirements-dev.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_every_promise_is_kept(kind):
    if kind == "answers":
        pytest.importorskip(
            "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
        )
        if not CHROMIUM:
            pytest.skip("Chromium is not installed: apt-get install chromium")
    command = [sys.executable, "-W", "ignore", "-m", "tests.robustness", "--short", kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.count("\n| ") > 1  # a head, a rule, and promises
