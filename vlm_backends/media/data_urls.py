"""Reads the bytes in a data URL, as browsers, scripts and clients of OpenAI's API write them."""

import base64
from urllib.parse import unquote, unquote_to_bytes

from vlm_backends.errors import BadPrompt

_STANDARD_ALPHABET = str.maketrans("-_", "+/", " \t\r\n")  # from URL-safe and wrapped base64


def is_data_url(url: str) -> bool:
    """Return True for a data URL."""
    return url[:5].lower() == "data:"


def from_data_url(url: str) -> bytes:
    """Return the bytes of a data URL. Raises BadPrompt where they are not in base64."""
    head, _, data = url.partition(",")
    kind, *parameters = (part.strip().lower() for part in head.split(";"))
    if "base64" in parameters:
        return _decode(data)
    if kind == "data:image/svg+xml":
        return unquote_to_bytes(data)  # the reader of pictures says what to do instead
    raise BadPrompt("A picture's data URL must be in base64: data:image/png;base64,…")


def _decode(data: str) -> bytes:
    """Decode base64: standard or URL-safe, wrapped, without padding, escaped as in an address."""
    plain = unquote(data).translate(_STANDARD_ALPHABET).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise BadPrompt("A picture's base64 is broken or cut off. Encode the whole file.") from None
