"""The servers that the owner has set up: `VLM_BASE_URL` for one, `VLM_SERVERS` for several."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from vlm_backends.engines.openai import OpenAI
from vlm_backends.engines.settings import checked, is_address
from vlm_backends.errors import BadPrompt

_FIELDS = {"name", "url", "key", "models", "pictures"}
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.IGNORECASE)
_SHAPE = 'VLM_SERVERS is a JSON list, or the path of one, such as [{"name": "Lab", "url": "http://10.0.0.5:8000/v1"}].'
_TAKEN = {"nvidia", "this machine", "open weights here"}  # names of the other engines


def servers(env: Mapping[str, str] = os.environ) -> tuple[OpenAI, ...]:
    """The servers in their order, that of `VLM_BASE_URL` first. Raises BadPrompt for a setting that cannot be met."""
    base = env.get("VLM_BASE_URL", "").strip()
    if base and not is_address(base):
        raise BadPrompt("VLM_BASE_URL must be an address such as http://127.0.0.1:8000/v1.")
    first = (
        (OpenAI(base, checked(env.get("VLM_API_KEY", "").strip(), "VLM_API_KEY")),) if base else ()
    )
    found = first + tuple(
        _server(entry, env) for entry in _entries(env.get("VLM_SERVERS", "").strip())
    )
    names = [server.name.lower() for server in found]
    for name in names:
        if names.count(name) > 1 or name in _TAKEN:
            raise BadPrompt(
                f"VLM_SERVERS: the name “{name}” is taken. Give each server a name of its own."
            )
    return found


def _entries(setting: str) -> list:
    if not setting:
        return []
    try:
        entries = json.loads(
            setting if setting.startswith(("[", "{")) else Path(setting).read_text(encoding="utf-8")
        )
    except (OSError, ValueError, RecursionError):
        raise BadPrompt(f"{_SHAPE} It could not be read.") from None
    if not isinstance(entries, list):
        raise BadPrompt(_SHAPE)
    return entries


def _server(entry: object, env: Mapping[str, str]) -> OpenAI:
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("name"), str)
        or not entry["name"].strip()
    ):
        raise BadPrompt(f"{_SHAPE} Each entry has a name.")
    name, url = entry["name"].strip()[:40], entry.get("url")
    if unknown := set(entry) - _FIELDS:
        raise BadPrompt(
            f"VLM_SERVERS: “{name}” has {sorted(unknown)[0]}; known are {', '.join(sorted(_FIELDS))}."
        )
    if not isinstance(url, str) or not is_address(url):
        raise BadPrompt(f"VLM_SERVERS: “{name}” needs a url such as http://10.0.0.5:8000/v1.")
    models, pictures = entry.get("models", []), entry.get("pictures", 1)
    if not isinstance(models, list) or not all(isinstance(id, str) for id in models):
        raise BadPrompt(
            f"VLM_SERVERS: models of “{name}” is a list of ids as the server lists them."
        )
    if not isinstance(pictures, int) or isinstance(pictures, bool) or not 1 <= pictures <= 100:
        raise BadPrompt(
            f"VLM_SERVERS: pictures of “{name}” is how many one request may carry, from 1 to 100."
        )
    return OpenAI(
        url, _key(entry.get("key", ""), name, env), name=name, only=tuple(models), pictures=pictures
    )


def _key(variable: object, name: str, env: Mapping[str, str]) -> str:
    """The key that the variable holds; what is no variable's name may be a key, and is not repeated."""
    if variable == "":
        return ""
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        raise BadPrompt(
            f"VLM_SERVERS: key of “{name}” is the name of the variable that holds the key, not the key."
        )
    if not env.get(variable, "").strip():
        raise BadPrompt(
            f"VLM_SERVERS: the key of “{name}” is not set: no variable has the name that its entry gives."
        )
    return checked(env[variable].strip(), f"VLM_SERVERS: the key of “{name}”")
