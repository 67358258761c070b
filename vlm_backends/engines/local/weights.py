"""Where a model's weights lie on the disk, and how they get there."""

import io
import json
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
    """Counts the bytes that a download has brought."""

    def __init__(self) -> None:
        self._bars: list = []

    def words(self, id: str, gigabytes: float) -> str:
        """How far the download is."""
        done = max((bar.n for bar in self._bars if bar.unit == "B"), default=0)  # the hub counts in several ways
        return f"Downloading {id}: {done / 1e6:,.1f} MB of about {gigabytes:g} GB…"

    def bar(self) -> type:
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
