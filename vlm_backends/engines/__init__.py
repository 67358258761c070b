"""Where words come from: one file a wire or runtime, bound here."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from vlm_backends.engines.embedded import Embedded
from vlm_backends.engines.nvidia import NVIDIA
from vlm_backends.errors import BadPrompt, MissingKey
from vlm_backends.types import Engine

KEYS = "NVIDIA_API_KEY", "API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC"


def connect(env: Mapping[str, str] = os.environ) -> Engine:
    """The engine that this environment asks for: `VLM_ENGINE` by name, else NVIDIA when there is a key, else embedded.

    Raises MissingKey or BadPrompt when the setting cannot be met.
    """
    key = next((env[name].strip() for name in KEYS if env.get(name, "").strip()), "")
    name = env.get("VLM_ENGINE", "").strip().lower() or ("nvidia" if key else "embedded")
    if name == "embedded":
        return Embedded()
    if name == "nvidia":
        if not key:
            raise MissingKey("VLM_ENGINE=nvidia needs a key: set NVIDIA_API_KEY, or unset VLM_ENGINE.")
        return hosted(key, env)
    raise BadPrompt(f"VLM_ENGINE={name[:40]} is not known. Use nvidia or embedded, or unset it.")


def hosted(key: str, env: Mapping[str, str] = os.environ) -> NVIDIA:
    """NVIDIA's host with this key, at `NVIDIA_BASE_URL` if that is set."""
    base = env.get("NVIDIA_BASE_URL", "").strip()
    if base and (urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).netloc):
        raise BadPrompt("NVIDIA_BASE_URL must be an address such as http://127.0.0.1:8808.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise BadPrompt("This is not a key: keys hold letters, digits, dashes and underscores only.")
    return NVIDIA(key, base)
