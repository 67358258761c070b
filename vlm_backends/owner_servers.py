"""Read which servers the owner has set up: `VLM_BASE_URL` for one, `VLM_SERVERS` for several."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from vlm_backends.errors import BadPrompt

OWN_SERVER = "Your server"  # the name of the one at VLM_BASE_URL
_RESERVED = {"nvidia", "built-in tools", "open weights here"}  # names of the other engines
_FIELDS = {"name", "url", "key", "models", "pictures"}
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.IGNORECASE)
_SHAPE = (
    "VLM_SERVERS is a JSON list, or the path of one, such as "
    '[{"name": "Lab", "url": "http://10.0.0.5:8000/v1"}].'
)


@dataclass(frozen=True)
class ServerConfig:
    """One server that speaks the OpenAI wire."""

    url: str
    key: str = field(default="", repr=False)
    name: str = OWN_SERVER
    models: tuple[str, ...] = ()  # ids as the server lists them; empty: all that it lists
    pictures: int = 1  # how many one request may carry


def check_key(key: str, what: str = "This") -> str:
    """Return the key. Raises BadPrompt, which names `what` but not the key, if it is invalid."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise BadPrompt(
            f"{what} is not a key: keys hold letters, digits, dashes and underscores only."
        )
    return key


def is_address(url: str) -> bool:
    """Return True for an http or https address with a host."""
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).netloc)
    except ValueError:  # such as an incomplete IPv6 address
        return False


def read_servers(env: Mapping[str, str]) -> tuple[ServerConfig, ...]:
    """Read VLM_BASE_URL (with VLM_API_KEY) and VLM_SERVERS, in this order. Raises BadPrompt."""
    base = env.get("VLM_BASE_URL", "").strip()
    if base and not is_address(base):
        raise BadPrompt("VLM_BASE_URL must be an address such as http://127.0.0.1:8000/v1.")
    key = check_key(env.get("VLM_API_KEY", "").strip(), "VLM_API_KEY") if base else ""
    own = [ServerConfig(base, key)] if base else []
    listed = _entries(env.get("VLM_SERVERS", "").strip())
    found = (*own, *(_server(entry, env) for entry in listed))
    names = [server.name.lower() for server in found]
    for name in names:
        if names.count(name) > 1 or name in _RESERVED:
            raise BadPrompt(
                f"VLM_SERVERS: the name “{name}” is taken. Give each server a name of its own."
            )
    return found


def _entries(setting: str) -> list[object]:
    if not setting:
        return []
    try:
        inline = setting.startswith(("[", "{"))
        entries = json.loads(setting if inline else Path(setting).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise BadPrompt(f"{_SHAPE} It could not be read.") from None
    if not isinstance(entries, list):
        raise BadPrompt(_SHAPE)
    return entries


def _server(entry: object, env: Mapping[str, str]) -> ServerConfig:
    named = isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"].strip()
    if not isinstance(entry, dict) or not named:
        raise BadPrompt(f"{_SHAPE} Each entry has a name.")
    name, url = named[:40], entry.get("url")
    if unknown := set(entry) - _FIELDS:
        known = ", ".join(sorted(_FIELDS))
        raise BadPrompt(f"VLM_SERVERS: “{name}” has {sorted(unknown)[0]}; known are {known}.")
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
    return ServerConfig(url, _key(entry.get("key", ""), name, env), name, tuple(models), pictures)


def _key(variable: object, name: str, env: Mapping[str, str]) -> str:
    """Return the key that the variable holds. Raises BadPrompt.

    A value that is not a variable's name may be the key itself: no message repeats it.
    """
    if variable == "":
        return ""
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        raise BadPrompt(
            f"VLM_SERVERS: key of “{name}” is the name of the variable that holds the key, "
            "not the key."
        )
    if not env.get(variable, "").strip():
        raise BadPrompt(
            f"VLM_SERVERS: the key of “{name}” is not set: "
            "no variable has the name that its entry gives."
        )
    return check_key(env[variable].strip(), f"VLM_SERVERS: the key of “{name}”")
