"""Where a model's weights lie on the disk, and how they get there."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vlm_backends.engines.local.errors import sentence
from vlm_backends.engines.local.waiting import meanwhile
from vlm_backends.errors import MissingKey
from vlm_backends.types import Chunk, Stop, Weights

_NEEDED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*.py")  # no second copy in another format


def find(name: str, id: str, folder: Path | None) -> str | None:
    """The folder of a whole checkpoint: `folder`/publisher/model, or the hub's cache; None when there is none."""
    if folder and _is_whole(folder / name):
        return str(folder / name)
    with suppress(Exception):  # the hub's library raises many kinds when there is nothing
        from huggingface_hub import snapshot_download

        cached = snapshot_download(id, local_files_only=True)
        return cached if _is_whole(Path(cached)) else None
    return None


def _is_whole(folder: Path) -> bool:
    """True when the configuration and every shard of the weights are there."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        with suppress(ValueError, KeyError, OSError):
            shards = set(json.loads(index.read_text())["weight_map"].values())
            return all((folder / shard).is_file() for shard in shards)
        return False
    return any(folder.glob("*.safetensors"))


def fetch(id: str, weights: Weights, allowed: bool, stop: Stop) -> Iterator[Chunk]:
    """Downloads the checkpoint and returns its folder, after chunks that say how far it is. Raises VLMError."""
    if not allowed:
        gate = f" Its licence must be accepted at huggingface.co/{id} first." if weights.gated else ""
        raise MissingKey(
            f"The weights of {id} ({weights.gigabytes:g} GB) are not on this machine.{gate} Fetch them with "
            f"`hf download {id}`, or start with VLM_ENGINE=local to fetch them when they are first used."
        )
    counter = Counter()

    def download() -> str:
        from huggingface_hub import snapshot_download

        try:
            return snapshot_download(id, allow_patterns=list(_NEEDED), tqdm_class=counter.bar())
        except Exception as error:
            raise sentence(error, id) from error

    return (yield from meanwhile(download, lambda seconds: counter.words(id, weights.gigabytes), stop))


class Counter:
    """Counts the bytes that several downloads at once have brought."""

    def __init__(self) -> None:
        self._lock, self._bytes = threading.Lock(), 0

    def words(self, id: str, gigabytes: float) -> str:
        """How far the download is."""
        done = self._bytes / 1e9
        return f"Downloading {id}: {done:.2f} of about {max(gigabytes, done):.1f} GB…"

    def bar(self) -> type:
        """A tqdm that draws nothing and counts here."""
        from tqdm import tqdm

        counter = self

        class Silent(tqdm):
            def __init__(self, *args: object, **options: object) -> None:
                options.pop("name", None)
                super().__init__(*args, **{**options, "disable": False, "file": _Nowhere()})

            def update(self, n: float = 1) -> bool | None:
                if self.unit == "B":
                    with counter._lock:
                        counter._bytes += n or 0
                return super().update(n)

        return Silent


class _Nowhere:
    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...
