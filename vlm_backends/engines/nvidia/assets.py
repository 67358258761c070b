"""Upload pictures that are too detailed for the inline budget to NVIDIA's asset store."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.http import client
from vlm_backends.engines.nvidia.api import ASSETS, NvidiaApi
from vlm_backends.engines.wire.requests import data_url
from vlm_backends.engines.wire.responses import parse_asset
from vlm_backends.errors import Unreachable, VLMError
from vlm_backends.media import images
from vlm_backends.types import Model, Picture, Prompt, Sent

DESCRIPTION = "Input Image"  # of every asset; part of what the upload's address is signed for
Way = Literal["inline", "asset"]
Reference = tuple[str, Sent]  # the text of `src` in the request, and how the picture travelled
_log = logging.getLogger(__name__)


def fit_for_transport(
    model: Model, picture: Picture, way: Way | None = None
) -> tuple[Picture, Way]:
    """Encode a picture for the model; return it and the way it goes.

    Small pictures go inline; one that would lose detail under the inline budget goes as an asset,
    if the model allows it. Pass `way` when it is known already, which saves comparing the two.
    """
    if not model.asset and way != "asset":
        fitted = images.encode(picture)
        if model.parts or way == "inline" or not images.loses_detail(picture, fitted):
            return fitted, "inline"
    return images.as_jpeg(picture), "asset"


@contextmanager
def references(
    api: NvidiaApi, model: Model, prompt: Prompt, cancel: CancelToken
) -> Iterator[dict[Picture, Reference]]:
    """Provide a reference for each picture of a prompt, for the length of a `with` block.

    Pictures that need it are uploaded first; their assets are deleted at the end. Raises VLMError.
    """
    found: dict[Picture, Reference] = {}
    pictures = dict.fromkeys(picture for turn in prompt.turns for picture in turn.pictures)
    try:
        for picture in pictures:
            carried, way = fit_for_transport(model, picture)
            if way == "inline":
                source = data_url(carried)
            else:
                id = client.retry(partial(_upload, api, carried, cancel), cancel, api.policy)
                source = f"data:{carried.mime};asset_id,{id}"
            found[picture] = source, _sent(carried, way)
        yield found
    finally:
        for id in asset_ids(found):
            _delete(api, id)


def asset_ids(references: dict[Picture, Reference]) -> list[str]:
    """List the ids of the assets among the references."""
    return [
        source.rpartition(",")[2] for source, sent in references.values() if sent.way == "asset"
    ]


def _upload(api: NvidiaApi, picture: Picture, cancel: CancelToken) -> str:
    """Announce an asset, put the picture at the address that NVIDIA gives, and return its id."""
    id, url = _announce(api, picture, cancel)
    headers = {"x-amz-meta-nvcf-asset-description": DESCRIPTION, "content-type": picture.mime}
    try:
        options = {"public": api.is_public, "headers": headers, "data": picture.data}
        with api.send("PUT", url, cancel, **options):
            return id
    except BaseException:
        _delete(api, id)
        raise


def _announce(api: NvidiaApi, picture: Picture, cancel: CancelToken) -> tuple[str, str]:
    entry = {"contentType": picture.mime, "description": DESCRIPTION}
    headers = {"accept": "application/json", **api.authorization}
    with api.send("POST", api.resolve_url(ASSETS), cancel, headers=headers, json=entry) as response:
        try:
            answer = next(response.payloads(), {})
        except Unreachable:
            _log.warning(
                "an asset was announced whose name did not arrive; NVIDIA drops it after a day"
            )
            raise
    return parse_asset(answer)


def _delete(api: NvidiaApi, id: str) -> None:
    """Delete an asset, also after a cancellation; a failure is only logged."""
    try:
        url = f"{api.resolve_url(ASSETS)}/{id}"
        with api.send("DELETE", url, CancelToken(), headers=api.authorization):
            pass
    except VLMError as error:
        _log.warning("asset %s was not deleted; NVIDIA drops it after a day: %s", id, error)


def _sent(picture: Picture, way: Way) -> Sent:
    return Sent(picture.mime, picture.width, picture.height, len(picture.data), way)
