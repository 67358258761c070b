"""Explain failures of weights and devices in sentences with a next step."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from vlm_backends.errors import BadPrompt, MissingKey, Refused, Unreachable, VLMError


@dataclass(frozen=True)
class _Rule:
    """Recognises a failure by its class, text, errno or status, and has the message for the user.

    Classes are compared by name, so that no library is imported only for its errors.
    """

    raised: type[VLMError]
    message: str  # {id} is the checkpoint's, {error} the failure's own text, {status} of HTTP
    classes: frozenset[str] = frozenset()  # names; a class that inherits from one counts
    text: str = ""  # a part of its message
    errno: int = 0
    status: int = 0  # of HTTP, which the hub answered


_RULES = (  # the first one that fits
    _Rule(
        MissingKey,
        "{id} is gated: accept its licence at huggingface.co/{id}, sign in with `hf auth login`, "
        "and ask again.",
        frozenset({"GatedRepoError"}),
    ),
    _Rule(
        BadPrompt,
        "There is no checkpoint “{id}” at the hub, or it is private. Check VLM_CHECKPOINTS.",
        frozenset({"RepositoryNotFoundError"}),
        "is not a valid model identifier",
        status=404,
    ),
    _Rule(
        MissingKey,
        "The hub does not accept this machine's token: sign in again with `hf auth login`, or "
        "unset HF_TOKEN, and ask again.",
        status=401,
    ),
    _Rule(
        Refused,
        "The hub allows this machine no more downloads for now (status 429). Try again in a few "
        "minutes.",
        status=429,
    ),
    _Rule(
        Refused,
        "The hub did not send {id} (status {status}). Try again in a few minutes.",
        frozenset({"HfHubHTTPError"}),
    ),
    _Rule(
        Refused,
        "The disk has no room for {id}. Make room, or set HF_HOME to another disk.",
        errno=errno.ENOSPC,
    ),
    _Rule(
        Refused,
        "There is not enough memory for {id}. Close other programs, or choose a smaller "
        "checkpoint.",
        frozenset({"MemoryError", "OutOfMemoryError"}),
        "can't allocate memory",
    ),
    _Rule(
        Unreachable,
        "The hub cannot be reached to fetch {id}. Check the connection, or run `hf download {id}`.",
        frozenset(
            {
                "ConnectError",
                "ConnectionError",
                "ConnectTimeout",
                "ReadTimeout",
                "RemoteProtocolError",
                "OfflineModeIsEnabled",
                "LocalEntryNotFoundError",
                "DryRunError",
            }
        ),
    ),
    _Rule(
        MissingKey,
        "{id} needs more libraries: `pip install -r requirements-local.txt`. ({error})",
        frozenset({"ImportError"}),
    ),
)


def explain_failure(error: BaseException, id: str) -> VLMError:
    """Return an error with a message for the user; `id` is the checkpoint's at the hub."""
    if isinstance(error, VLMError):
        return error
    for rule in _RULES:
        for each in _with_causes(error):
            if _fits(rule, each):
                words = " ".join(str(each).split())[:300]
                return rule.raised(rule.message.format(id=id, error=words, status=_status(each)))
    text = " ".join(str(error).split())[:300]
    return Refused(f"{id} failed on this machine: {type(error).__name__}: {text}")


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was raised from: the hub's library wraps what was answered."""
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__


def _fits(rule: _Rule, error: BaseException) -> bool:
    classes = {kind.__name__ for kind in type(error).__mro__}
    number = error.errno if isinstance(error, OSError) else None
    return (
        bool(rule.classes & classes)
        or bool(rule.text and rule.text in str(error))
        or bool(rule.errno and rule.errno == number)
        or bool(rule.status and rule.status == _status(error))
    )


def _status(error: BaseException) -> int:
    """Return the HTTP status that an error of the hub's library tells; 0 for another error."""
    return getattr(getattr(error, "response", None), "status_code", 0)
