"""Finds the pictures that a visitor gave in the viewer: uploads to this page, or an address.

The event comes from the browser, and nothing in it is trusted: a path that is no upload is refused.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from ui.core.gradio_compat import uploaded_path
from ui.core.limits import quota_of
from ui.core.storage import store_file, store_picture
from vlm_backends import BadPrompt, CancelToken, Picture, Refused, Unreachable
from vlm_backends.annotate.sources import safe_name
from vlm_backends.engines.http.client import fetch
from vlm_backends.media.data_urls import from_data_url, is_data_url
from vlm_backends.ratelimit import RateLimiter

_PUBLIC = "it must be a public one that begins with https:// or http://"
_AS_FILE = "Or save the picture, and drop the file here."
_LEAST_COUNTED = 5 * 10**6  # bytes: what a fetch counts before its size is known
_MOST = 100  # files of one event


def given_pictures(event: Any, limiter: RateLimiter, most: int = 1) -> list[Picture]:
    """Return the pictures of a viewer's event `picked`, at most so many.

    Raises BadPrompt when one is no picture, or cannot be fetched; Refused at the visitor's limit.
    """
    return [store_picture(path) for path in given_files(event, limiter)[:most]]


def carried_picture(path: object) -> Picture | None:
    """Return the picture that a browser says was given on another tab; None where it is gone."""
    try:
        return store_picture(_upload(path))
    except BadPrompt:
        return None


def given_files(event: Any, limiter: RateLimiter) -> list[str]:
    """Return the paths of the files that an event names. Raises as `given_pictures` does."""
    if address := str(getattr(event, "url", "") or "").strip():
        return [_fetched(address, limiter)]
    paths = getattr(event, "paths", None)
    if not isinstance(paths, list) or not paths:
        raise BadPrompt("No picture arrived. Give it again.")
    return [_upload(path) for path in paths[:_MOST]]


def _upload(path: object) -> str:
    found = uploaded_path(path) if isinstance(path, str) else None
    if found is None:
        raise BadPrompt("This picture is no longer on the server. Give it again.")
    return found


def _fetched(address: str, limiter: RateLimiter) -> str:
    """Return the path of a file with what is at a public address, or in a data URL.

    What is fetched counts as sent by the visitor, also where it turns out to be no picture.
    """
    if is_data_url(address):
        return store_file("picture", from_data_url(address))
    _count(limiter, _LEAST_COUNTED)
    try:
        data = fetch(address, CancelToken())
    except Refused as error:
        raise BadPrompt(f"This address answered with status {error.status}. {_AS_FILE}") from None
    except Unreachable:
        raise BadPrompt(f"This address gives no picture: {_PUBLIC}. {_AS_FILE}") from None
    _count(limiter, max(0, len(data) - _LEAST_COUNTED))
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    return store_file(safe_name(name) or "picture", data)


def _count(limiter: RateLimiter, amount: int) -> None:
    """Count bytes of the current visitor. Raises Refused at the limit of an hour."""
    if seconds := quota_of(limiter).bytes.take(amount):
        minutes = max(1, round(seconds / 60))
        raise Refused(
            "You have sent as much as this page takes in an hour. "
            f"Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
            429,
        )
