"""Look models up in NVIDIA's list: without a key, a question or a cost."""

import time
from collections.abc import Iterator, Sequence

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import Observation, observation_of
from vlm_backends.engines.http import client
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.nvidia.api import INTEGRATE
from vlm_backends.engines.wire.errors import explain
from vlm_backends.types import Model

LIST = f"{INTEGRATE}/v1/models"
_POLICY = RequestPolicy(connect_timeout=3.0, idle_timeout=5.0, max_attempts=1)


def probe(address: str, models: Sequence[Model]) -> Iterator[tuple[Model, Observation | None]]:
    """Look the models up in the list at `address`.

    A model that is not in the list is asked for by name, since NVIDIA states the end of a
    model's life only there. Raises VLMError.
    """
    listed = _listed_ids(address)
    for model in models:
        if model.id in listed:
            yield model, Observation("listed", time.time())
        else:
            yield model, _look_up(f"{address}/{model.id}")


def _listed_ids(address: str) -> set[str]:
    """Return the ids that the list names; none when the host answers without a list."""
    headers = {"Accept": "application/json"}
    with client.send("GET", address, CancelToken(), _POLICY, headers=headers) as response:
        if response.status_code >= 500:
            retry_after = response.retry_after
            raise explain(response.status_code, response.body(), retry_after)
        if response.status_code != 200:
            return set()
        entries = next(response.payloads(), {}).get("data")
    entries = entries if isinstance(entries, list) else []
    ids = (entry.get("id") for entry in entries if isinstance(entry, dict))
    return {id for id in ids if isinstance(id, str)}


def _look_up(address: str) -> Observation | None:
    """Return what NVIDIA says of one model; None when that cannot be used."""
    with client.send("GET", address, CancelToken(), _POLICY) as response:
        match response.status_code:
            case 200:
                return Observation("listed", time.time())
            case 404:
                return Observation("unlisted", time.time())
            case 410:
                return observation_of(explain(410, response.body()), time.time())
    return None
