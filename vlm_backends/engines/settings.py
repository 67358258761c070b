"""What a setting must look like, whichever engine it is for."""

from urllib.parse import urlsplit

from vlm_backends.errors import BadPrompt


def is_address(url: str) -> bool:
    """True for the address of a host, by http or https."""
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).netloc)
    except ValueError:  # such as a half IPv6 address
        return False


def checked(key: str, what: str = "This") -> str:
    """The key. Raises BadPrompt, which says what it is but does not repeat it, for what can be none."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise BadPrompt(
            f"{what} is not a key: keys hold letters, digits, dashes and underscores only."
        )
    return key
