"""What goes wrong with weights and devices, in sentences with a next step."""

import errno

from vlm_backends.errors import BadPrompt, MissingKey, Refused, Unreachable, VLMError


def sentence(error: BaseException, id: str) -> VLMError:
    """The error as a user should hear of it; `id` is the checkpoint's."""
    if isinstance(error, VLMError):
        return error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = f"{error} {error.__cause__ or ''}"
    if "GatedRepoError" in kinds:
        return MissingKey(
            f"{id} is gated: accept its licence at huggingface.co/{id}, sign in with `hf auth login`, and ask again."
        )
    if "RepositoryNotFoundError" in kinds or "is not a valid model identifier" in text:
        return BadPrompt(
            f"There is no checkpoint “{id}” at the hub, or it is private. Check VLM_CHECKPOINTS."
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Refused(
            f"The disk is full: {id} does not fit. Make room, or set HF_HOME to another disk."
        )
    if (
        isinstance(error, MemoryError)
        or "OutOfMemoryError" in kinds
        or "can't allocate memory" in text
    ):
        return Refused(
            f"There is not enough memory for {id}. Close other programs, or choose a smaller checkpoint."
        )
    if kinds & {
        "ConnectError",
        "ConnectionError",
        "ConnectTimeout",
        "OfflineModeIsEnabled",
        "LocalEntryNotFoundError",
    }:
        return Unreachable(
            f"The hub cannot be reached to fetch {id}. Check the connection, or run `hf download {id}`."
        )
    if isinstance(error, ImportError):
        return MissingKey(
            f"{id} needs more libraries: `pip install -r requirements-local.txt`. ({error})"
        )
    return Refused(
        f"{id} failed on this machine: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    )
