"""Where a model's weights lie on the disk, and how they get there."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.local.errors import sentence
from vlm_backends.errors import MissingKey
from vlm_backends.types import Chunk, Weights

_NEEDED = [
    "*.json",
    "*.safetensors",
    "*.txt",
    "*.model",
    "*.jinja",
]  # no code, no second copy in another format
_OLDER = "pytorch_model*.bin"  # where there are no safetensors
_TICK = 0.5  # seconds between two words about a download
_lock = threading.Lock()
_downloads: dict[str, "Download"] = {}  # those on their way


def find(name: str, id: str, folder: Path | None) -> str | None:
    """The folder of a whole checkpoint: `folder`/publisher/model, or the hub's cache; None when there is none."""
    if folder and (own := find_in(folder, name)):
        return own
    with suppress(Exception):  # the hub's library raises many kinds when there is nothing
        from huggingface_hub import snapshot_download

        cached = snapshot_download(id, local_files_only=True)
        return cached if _is_whole(Path(cached)) else None
    return None


def find_in(folder: Path, name: str) -> str | None:
    """The folder of a whole checkpoint at `folder`/publisher/model."""
    return str(folder / name) if _is_whole(folder / name) else None


def _is_whole(folder: Path) -> bool:
    """True when the configuration and every shard of the weights are there."""
    if not (folder / "config.json").is_file():
        return False
    if index := next(folder.glob("*.index.json"), None):
        with suppress(ValueError, KeyError, OSError):
            shards = set(json.loads(index.read_text())["weight_map"].values())
            return all((folder / shard).is_file() for shard in shards)
        return False
    return any(folder.glob("*.safetensors")) or any(folder.glob(_OLDER))


def fetch(id: str, weights: Weights, allowed: bool, stop: CancelToken) -> Iterator[Chunk]:
    """Downloads the checkpoint and returns its folder, after chunks that say how far it is. Raises VLMError."""
    if not allowed:
        gate = (
            f" Its licence must be accepted at huggingface.co/{id} first." if weights.gated else ""
        )
        raise MissingKey(
            f"The weights of {id} ({weights.gigabytes:g} GB) are not on this machine.{gate} Fetch them with "
            f"`hf download {id}`, or start with VLM_ENGINE=local to fetch them when they are first used."
        )
    with _lock:
        if id not in _downloads:
            _downloads[id] = Download(id)
        download = _downloads[id]
    while not (download.over.is_set() or stop.is_set()):
        yield Chunk(status=download.words(weights.gigabytes))
        download.over.wait(_TICK)
    if download.failure:
        raise sentence(download.failure, id) from download.failure
    return download.folder


class Download(threading.Thread):
    """A checkpoint on its way to the hub's cache, for all who wait for it; it cannot be broken off."""

    def __init__(self, id: str) -> None:
        super().__init__(name="download", daemon=True)
        self.id, self.over = id, threading.Event()
        self.folder: str | None = None
        self.failure: Exception | None = None
        self._bars: list = []
        self.start()

    def run(self) -> None:
        """Fetches the files."""
        try:
            from huggingface_hub import snapshot_download

            for patterns in (_NEEDED, [*_NEEDED, _OLDER]):
                folder = snapshot_download(self.id, allow_patterns=patterns, tqdm_class=self._bar())
                if _is_whole(Path(folder)):
                    break
            self.folder = folder
        except Exception as error:
            self.failure = error
        finally:
            with _lock:
                _downloads.pop(self.id, None)
            self.over.set()

    def words(self, gigabytes: float) -> str:
        """How far the download is."""
        done = max(
            (bar.n for bar in self._bars if bar.unit == "B"), default=0
        )  # the hub counts in several ways
        return f"Downloading {self.id}: {done / 1e6:,.1f} MB of about {gigabytes:g} GB…"

    def _bar(self) -> type:
        """A tqdm that draws nothing and is counted here."""
        from tqdm import tqdm

        bars = self._bars

        class Silent(tqdm):
            def __init__(self, *args: object, **options: object) -> None:
                options.pop("name", None)
                super().__init__(*args, **{**options, "disable": False, "file": io.StringIO()})
                bars.append(self)

            def display(self, *_: object, **__: object) -> None: ...

        return Silent
