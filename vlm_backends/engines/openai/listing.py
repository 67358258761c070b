"""List the models that a server has under `/models`; a list is cached for a minute."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.wire.errors import explain
from vlm_backends.errors import Unreachable, VLMError
from vlm_backends.text import clean

_LIFETIME = 60  # seconds for which a list is cached
_PAUSE = 2  # seconds before a server that could not be asked is asked again
_MAX_PHRASE = 120  # characters
_POLICY = RequestPolicy(connect_timeout=2.0, idle_timeout=5.0, max_attempts=1)
_Headers = tuple[tuple[str, str], ...]
_failed_at: dict[tuple[str, _Headers], float] = {}  # by server: a time of `time.monotonic`


@dataclass(frozen=True)
class ListedModel:
    """A model in a server's list, with what the server says of it.

    `states` has a phrase for the model, under "", and one for each task, under its token; most
    servers give none.
    """

    id: str
    states: Mapping[str, str]


def list_models(base_url: str, headers: Mapping[str, str]) -> tuple[ListedModel, ...] | None:
    """Return the models that may take pictures; None when the server gives no list."""
    server, now = (base_url, tuple(headers.items())), time.monotonic()
    if now - _failed_at.get(server, -_PAUSE) < _PAUSE:
        return None
    try:
        return _list_models(*server, int(now / _LIFETIME))
    except VLMError:
        _failed_at[server] = time.monotonic()
        return None


def clear_cache() -> None:
    """Forget all lists, so that every server is asked again."""
    _list_models.cache_clear()
    _failed_at.clear()


@lru_cache(maxsize=16)
def _list_models(base_url: str, headers: _Headers, _period: int) -> tuple[ListedModel, ...]:
    """Ask the server for its list. Raises VLMError, which is not cached."""
    address, cancel = f"{base_url}/models", CancelToken()
    with client.send("GET", address, cancel, _POLICY, headers=dict(headers)) as response:
        if not response.is_ok:
            raise explain(response.status_code, response.body())
        listed = next(response.payloads(), {})
    entries = listed.get("data", "")
    if not isinstance(entries, (list, type(None))):
        raise Unreachable("The server gave no list of its models.")
    found = {}
    for entry in entries or ():  # Ollama's is null when it is empty
        if isinstance(entry, dict) and _is_name(entry.get("id")) and not _is_text_only(entry):
            found[entry["id"]] = ListedModel(entry["id"], _states(entry))
    return tuple(found.values())


def _states(entry: dict) -> dict[str, str]:
    """Return the phrases that this project's own server gives."""
    tasks = entry.get("tasks")
    phrases = {**(tasks if isinstance(tasks, dict) else {}), "": entry.get("state")}
    return {
        name: clean(phrase[:_MAX_PHRASE])
        for name, phrase in phrases.items()
        if isinstance(phrase, str)
    }


def _is_name(id: object) -> bool:
    """Return True for an id that looks the same when it is shown and when it is sent."""
    return isinstance(id, str) and bool(id.strip()) and clean(id) == id


def _is_text_only(entry: dict) -> bool:
    """Return True when the list says that the model takes no pictures.

    OpenRouter has such a field, and Mistral another.
    """
    architecture, capabilities = entry.get("architecture"), entry.get("capabilities")
    modalities = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    vision = capabilities.get("vision") if isinstance(capabilities, dict) else None
    return vision is False or isinstance(modalities, list) and "image" not in modalities
