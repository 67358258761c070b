"""Find a model's weights on the disk, or download them from the Hugging Face hub."""

import io
import json
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.local.errors import explain_failure
from vlm_backends.errors import MissingKey
from vlm_backends.types import Chunk, Weights

# without the checkpoint's code, and without copies of its weights in other formats
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
_OLDER_WEIGHTS = "pytorch_model*.bin"  # where there are no safetensors
_TICK = 0.5  # seconds between two chunks about a download
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
    id: str, weights: Weights, allowed: bool, cancel: CancelToken
) -> Generator[Chunk, None, str | None]:
    """Download the checkpoint `id` of the hub; yield its progress, return its folder.

    Returns None when cancelled; the download goes on for others who wait for it. Raises VLMError,
    among others when downloads are not `allowed`.
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
    with _lock:
        if id not in _downloads:
            _downloads[id] = Download(id)
        download = _downloads[id]
    while not (download.done.is_set() or cancel.is_set()):
        yield Chunk(status=download.progress_text(weights.gigabytes))
        download.done.wait(_TICK)
    if download.failure:
        raise explain_failure(download.failure, id) from download.failure
    return download.folder


class Download(threading.Thread):
    """Fetches a checkpoint to the hub's cache, once for all callers; it cannot be interrupted."""

    def __init__(self, id: str) -> None:
        super().__init__(name="download", daemon=True)
        self.id, self.done = id, threading.Event()
        self.folder: str | None = None
        self.failure: Exception | None = None
        self._bars: list[Any] = []
        self.start()

    def run(self) -> None:
        """Fetch the files; set `folder` or `failure`, then `done`."""
        try:
            from huggingface_hub import snapshot_download

            folder = ""
            for patterns in (_FILES, [*_FILES, _OLDER_WEIGHTS]):
                folder = snapshot_download(
                    self.id, allow_patterns=patterns, tqdm_class=self._silent_bar()
                )
                if _is_complete(Path(folder)):
                    break
            self.folder = folder
        except Exception as error:
            self.failure = error
        finally:
            with _lock:
                _downloads.pop(self.id, None)
            self.done.set()

    def progress_text(self, gigabytes: float) -> str:
        """Say how far the download is; `gigabytes` is what all of it takes, about."""
        # the hub counts in several ways: bars of bytes and of files
        done = max((bar.n for bar in self._bars if bar.unit == "B"), default=0)
        return f"Downloading {self.id}: {done / 1e6:,.1f} MB of about {gigabytes:g} GB…"

    def _silent_bar(self) -> type:
        """Return a class of progress bars that draw nothing and are listed in `_bars`."""
        from tqdm import tqdm

        bars = self._bars

        class SilentBar(tqdm):
            def __init__(self, *args: Any, **options: Any) -> None:
                options.pop("name", None)
                super().__init__(*args, **{**options, "disable": False, "file": io.StringIO()})
                bars.append(self)

            def display(self, *_: Any, **__: Any) -> None: ...

        return SilentBar
