"""Runs servers as processes of their own, for as long as a test needs them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import requests

from tests.support.paths import ROOT


def begun(command: Sequence[str], **env: str) -> subprocess.Popen:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | env, **quiet)


def ended(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until_served(url: str, process: subprocess.Popen) -> None:
    """Wait until the URL answers with any status; fail when the process ends before."""
    for _ in range(1800):
        try:
            requests.get(url, timeout=10)
            return
        except requests.RequestException:
            assert process.poll() is None, "it ended instead of serving"
            time.sleep(0.1)
    raise AssertionError(f"nobody serves {url}")


@contextmanager
def running(command: Sequence[str], url: str, **env: str) -> Iterator[subprocess.Popen]:
    """Run the process; yield it once it serves this URL."""
    process = begun(command, **env)
    try:
        until_served(url, process)
        yield process
    finally:
        ended(process)


def until(true: Callable[[], object], seconds: float = 20) -> object:
    """Return the function's value as soon as it is true, or its last value after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def printed(code: str) -> str:
    """Run this code in a new process and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
