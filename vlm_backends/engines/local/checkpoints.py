"""Find a model's weights on the disk, or download them from the Hugging Face hub."""

import errno
import io
import json
import shutil
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import DownloadProgress
from vlm_backends.engines.local.errors import explain_failure
from vlm_backends.errors import MissingKey
from vlm_backends.types import Weights

# without the checkpoint's code, and without copies of its weights in other formats
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
_OLDER_WEIGHTS = "pytorch_model*.bin"  # where there are no safetensors
_TICK = 0.5  # seconds between two looks at a download
_lock = threading.Lock()
_downloads: dict[str, "Download"] = {}  # running ones, by hub id


def find(name: str, id: str, folder: Path | None) -> str | None:
    """Return the folder of a complete checkpoint, None when there is none.

    Looks at `folder`/`name`, where `name` is publisher/model, then for `id` in the hub's cache.
    """
    if folder and (own := find_in(folder, name)):
        return own
    with suppress(Exception):  # the hub's library raises many kinds when there is nothing
        from huggingface_hub import snapshot_download

        # by the patterns: it counts as incomplete without a file that nobody asked for
        cached = snapshot_download(id, local_files_only=True, allow_patterns=_FILES)
        return cached if _is_complete(Path(cached)) else None
    return None


def find_in(folder: Path, name: str) -> str | None:
    """Return `folder`/`name` when a complete checkpoint is there; `name` is publisher/model."""
    return str(folder / name) if _is_complete(folder / name) else None


def _is_complete(folder: Path) -> bool:
    """Return True when the configuration and every shard of the weights are there."""
    if not (folder / "config.json").is_file():
        return False
    if index := next(folder.glob("*.index.json"), None):
        with suppress(ValueError, KeyError, OSError):
            shards = set(json.loads(index.read_text())["weight_map"].values())
            return all((folder / shard).is_file() for shard in shards)
        return False
    return any(folder.glob("*.safetensors")) or any(folder.glob(_OLDER_WEIGHTS))


def fetch(
    id: str, weights: Weights, allowed: bool, cancel: CancelToken, ends: bool = False
) -> Generator[DownloadProgress, None, str | None]:
    """Download the checkpoint `id` of the hub; yield its progress, return its folder.

    All callers share one download. Returns None when cancelled: the download then goes on, unless
    it `ends` with the last caller who waits for it. Raises VLMError, among others when downloads
    are not `allowed`.
    """
    if not allowed:
        gate = (
            f" Its licence must be accepted at huggingface.co/{id} first." if weights.gated else ""
        )
        raise MissingKey(
            f"The weights of {id} ({weights.gigabytes:g} GB) are not on this machine.{gate} "
            f"Fetch them with `hf download {id}`, or start with VLM_ENGINE=local to fetch them "
            "when they are first used."
        )
    download = _join(id)
    try:
        while not (download.done.is_set() or cancel.is_set()):
            yield DownloadProgress(download.bytes, download.total or int(weights.gigabytes * 1e9))
            download.done.wait(_TICK)
    finally:
        download.leave(ends and cancel.is_set())
    if download.failure and not cancel.is_set():
        raise explain_failure(download.failure, id) from download.failure
    return download.folder


def _join(id: str) -> "Download":
    """Return the download of this checkpoint, begun now if there is none; one more waits for it."""
    with _lock:
        if id not in _downloads:
            _downloads[id] = Download(id)
        _downloads[id].waiting += 1
        return _downloads[id]


class DownloadEnded(Exception):
    """Nobody waits for the download any more."""


class Download(threading.Thread):
    """Fetches a checkpoint to the hub's cache, once for all callers."""

    def __init__(self, id: str) -> None:
        super().__init__(name="download", daemon=True)
        self.id, self.done = id, threading.Event()
        self.folder: str | None = None
        self.failure: Exception | None = None
        self.waiting = 0  # callers
        self.total = 0  # bytes to fetch; 0 until the hub has told
        self._ended = False
        self._bars: list[Any] = []
        self.start()

    @property
    def bytes(self) -> int:
        """Return how many bytes have arrived."""
        # the hub's library counts in several ways: bars of bytes and of files
        return int(max((bar.n for bar in self._bars if bar.unit == "B"), default=0))

    def leave(self, end: bool) -> None:
        """Count one caller less; with `end`, end the download if that was the last one."""
        with _lock:
            self.waiting -= 1
            if end and not self.waiting:
                self._ended = True
                self._forget()  # who comes next begins anew

    def run(self) -> None:
        """Fetch the files; set `folder` or `failure`, then `done`."""
        try:
            self.folder = self._fetch()
        except Exception as error:
            self.failure = error
        finally:
            with _lock:
                self._forget()
            self.done.set()

    def _forget(self) -> None:
        if _downloads.get(self.id) is self:
            del _downloads[self.id]

    def _fetch(self) -> str:
        from huggingface_hub import snapshot_download

        bar, patterns = self._silent_bar(), _FILES
        files = snapshot_download(self.id, allow_patterns=patterns, dry_run=True, tqdm_class=bar)
        if not any(file.filename.endswith(".safetensors") for file in files):
            patterns = [*_FILES, _OLDER_WEIGHTS]
            files = snapshot_download(
                self.id, allow_patterns=patterns, dry_run=True, tqdm_class=bar
            )
        self.total = sum(file.file_size or 0 for file in files if file.will_download)
        _check_room(self.total)
        return snapshot_download(self.id, allow_patterns=patterns, tqdm_class=bar)

    def _silent_bar(self) -> type:
        """Return a class of progress bars that draw nothing, are listed, and end the download."""
        from tqdm import tqdm

        download = self

        class SilentBar(tqdm):
            def __init__(self, *args: Any, **options: Any) -> None:
                options.pop("name", None)
                super().__init__(*args, **{**options, "disable": False, "file": io.StringIO()})
                download._bars.append(self)

            def update(self, n: float | None = 1) -> bool | None:
                if download._ended:  # the only place where the library lets its caller end it
                    raise DownloadEnded
                return super().update(n)

            def display(self, *_: Any, **__: Any) -> None: ...

        return SilentBar


def _check_room(size: int) -> None:
    """Raise OSError when the disk of the hub's cache has no room for so many bytes."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE).absolute()
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if shutil.disk_usage(there).free < size:
        raise OSError(errno.ENOSPC, f"{size} bytes do not fit on the disk of {there}")
