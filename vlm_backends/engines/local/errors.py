"""Explain failures of weights and devices in sentences with a next step."""

import errno
from dataclasses import dataclass

from vlm_backends.errors import BadPrompt, MissingKey, Refused, Unreachable, VLMError


@dataclass(frozen=True)
class _Rule:
    """Recognises a failure by its class, text or errno, and has the message for the user.

    Classes are compared by name, so that no library is imported only for its errors.
    """

    raised: type[VLMError]
    message: str  # {id} is the checkpoint's, {error} the failure's own text
    classes: frozenset[str] = frozenset()  # names; a class that inherits from one counts
    text: str = ""  # a part of its message
    errno: int = 0


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
    ),
    _Rule(
        Refused,
        "The disk is full: {id} does not fit. Make room, or set HF_HOME to another disk.",
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
                "OfflineModeIsEnabled",
                "LocalEntryNotFoundError",
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
        if _fits(rule, error):
            return rule.raised(rule.message.format(id=id, error=error))
    text = " ".join(str(error).split())[:300]
    return Refused(f"{id} failed on this machine: {type(error).__name__}: {text}")


def _fits(rule: _Rule, error: BaseException) -> bool:
    classes = {kind.__name__ for kind in type(error).__mro__}
    text = f"{error} {error.__cause__ or ''}"
    number = error.errno if isinstance(error, OSError) else None
    return (
        bool(rule.classes & classes)
        or bool(rule.text and rule.text in text)
        or bool(rule.errno and rule.errno == number)
    )
