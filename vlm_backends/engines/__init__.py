"""Where words come from: one file a wire or runtime, bound here."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from vlm_backends.engines.base import Engine
from vlm_backends.engines.builtin import Embedded
from vlm_backends.engines.http.client import Patience, fetch, retry_stream
from vlm_backends.engines.local import Local
from vlm_backends.engines.nvidia import NVIDIA
from vlm_backends.engines.openai import OpenAI
from vlm_backends.engines.servers import servers
from vlm_backends.engines.settings import checked, is_address
from vlm_backends.errors import BadPrompt, MissingKey
from vlm_backends.models import CATALOGUE

__all__ = [
    "KEYS",
    "NVIDIA",
    "Embedded",
    "Local",
    "OpenAI",
    "Patience",
    "checked",
    "connect",
    "fetch",
    "hosted",
    "local",
    "owners_key",
    "retry_stream",
    "servers",
]
KEYS = "NVIDIA_API_KEY", "API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC"
_STACK = "torch", "transformers"


def connect(env: Mapping[str, str] = os.environ) -> Engine:
    """The engine that this environment asks for.

    `VLM_ENGINE` by name; else NVIDIA when there is a key; else the first server of `VLM_BASE_URL` and
    `VLM_SERVERS`; else open weights that lie on the disk already; else the embedded one. Raises MissingKey or
    BadPrompt when a setting cannot be met, even one that this engine does not need: nothing is ignored in silence.
    """
    key, served, weights = owners_key(env), servers(env), local(env)
    host = hosted(key, env)
    name = env.get("VLM_ENGINE", "").strip().lower()
    if name not in ("", "embedded", "local", "nvidia", "openai"):
        raise BadPrompt(
            f"VLM_ENGINE={name[:40]} is not known. Use nvidia, openai, local or embedded, or unset it."
        )
    if name == "nvidia" and not key:
        raise MissingKey("VLM_ENGINE=nvidia needs a key: set NVIDIA_API_KEY, or unset VLM_ENGINE.")
    if name == "openai" and not served:
        raise MissingKey(
            "VLM_ENGINE=openai needs a server: set VLM_BASE_URL, such as http://127.0.0.1:8000/v1."
        )
    if name == "nvidia" or not name and key:
        return host
    if name == "openai" or not name and served:
        return served[0]
    if name == "local" and weights is None:
        raise MissingKey(
            "VLM_ENGINE=local needs more libraries: pip install -r requirements-local.txt"
        )
    if name != "embedded" and weights and weights.models():
        return weights
    return Embedded()


def owners_key(env: Mapping[str, str] = os.environ) -> str:
    """The key of who runs the page; empty when there is none. Raises BadPrompt for what can be none."""
    return next(
        (checked(env[name].strip(), name) for name in KEYS if env.get(name, "").strip()), ""
    )


def hosted(key: str, env: Mapping[str, str] = os.environ) -> NVIDIA:
    """NVIDIA's host with this key, at `NVIDIA_BASE_URL` if that is set."""
    base = env.get("NVIDIA_BASE_URL", "").strip()
    if base and not is_address(base):
        raise BadPrompt("NVIDIA_BASE_URL must be an address such as http://127.0.0.1:8808.")
    return NVIDIA(checked(key), base)


def local(env: Mapping[str, str] = os.environ) -> Local | None:
    """Open weights as `VLM_WEIGHTS`, `VLM_CHECKPOINTS` and `VLM_RESIDENTS` say.

    None when the libraries for them are not installed. Raises BadPrompt for a setting that cannot be met.
    """
    folder = env.get("VLM_WEIGHTS", "").strip()
    if folder and not Path(folder).is_dir():
        raise BadPrompt(f"VLM_WEIGHTS={folder[:200]} is no folder.")
    residents = env.get("VLM_RESIDENTS", "").strip() or "1"
    if not residents.isdecimal() or not 1 <= int(residents) <= 16:
        raise BadPrompt("VLM_RESIDENTS must be a whole number from 1 to 16.")
    checkpoints = _checkpoints(env.get("VLM_CHECKPOINTS", ""))
    if not _has_stack():
        return None
    if env.get(
        "SPACES_ZERO_GPU"
    ):  # such a Space looks at its start for the function that borrows its GPU
        import vlm_backends.engines.local.generation  # noqa: F401
    return Local(
        Path(folder) if folder else None,
        checkpoints,
        downloads=env.get("VLM_ENGINE", "").strip().lower() == "local",
        residents=int(residents),
    )


def _checkpoints(setting: str) -> dict[str, str]:
    """`model=hub id` pairs, parted by commas."""
    pairs = [pair.partition("=") for pair in setting.split(",") if pair.strip()]
    known = {model.id for model in CATALOGUE if model.weights}
    for name, _, id in pairs:
        if name.strip() not in known or id.strip().count("/") != 1:
            raise BadPrompt(
                "VLM_CHECKPOINTS: pairs such as microsoft/florence-2=florence-community/Florence-2-large."
            )
    return {name.strip(): id.strip() for name, _, id in pairs}


def _has_stack() -> bool:
    return all(map(find_spec, _STACK))
