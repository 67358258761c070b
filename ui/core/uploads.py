"""Finds the pictures that a visitor gave in the viewer: uploads to this page, or an address.

The event comes from the browser, and nothing in it is trusted: a path that is no upload is refused.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from ui.core.gradio_compat import uploaded_path
from ui.core.storage import store_file, store_picture
from vlm_backends import BadPrompt, CancelToken, Picture, Refused, Unreachable
from vlm_backends.annotate.sources import safe_name
from vlm_backends.engines.http.client import fetch
from vlm_backends.media.data_urls import from_data_url, is_data_url

_PUBLIC = "it must be a public one that begins with https:// or http://"
_AS_FILE = "Or save the picture, and drop the file here."
_MOST = 100  # files of one event


def given_pictures(event: Any, most: int = 1) -> list[Picture]:
    """Return the pictures of a viewer's event `picked`, at most so many.

    Raises BadPrompt when one is no picture, or cannot be fetched.
    """
    return [store_picture(path) for path in given_files(event)[:most]]


def given_files(event: Any) -> list[str]:
    """Return the paths of the files that an event names. Raises BadPrompt."""
    if address := str(getattr(event, "url", "") or "").strip():
        return [_fetched(address)]
    paths = getattr(event, "paths", None)
    if not isinstance(paths, list) or not paths:
        raise BadPrompt("No picture arrived. Give it again.")
    return [_upload(path) for path in paths[:_MOST]]


def _upload(path: object) -> str:
    found = uploaded_path(path) if isinstance(path, str) else None
    if found is None:
        raise BadPrompt("This picture is no longer on the server. Give it again.")
    return found


def _fetched(address: str) -> str:
    """Return the path of a file with what is at a public address, or in a data URL."""
    if is_data_url(address):
        return store_file("picture", from_data_url(address))
    try:
        data = fetch(address, CancelToken())
    except Refused as error:
        raise BadPrompt(f"This address answered with status {error.status}. {_AS_FILE}") from None
    except Unreachable:
        raise BadPrompt(f"This address gives no picture: {_PUBLIC}. {_AS_FILE}") from None
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    return store_file(safe_name(name) or "picture", data)
