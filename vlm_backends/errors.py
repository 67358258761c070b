"""What can go wrong, as a user should hear of it.

VLMError            every message is one or two sentences: what happened, and what to do next
├── MissingKey      this needs a key, or an engine, that is not here
├── BadPrompt       the question, the picture or a parameter cannot be sent as it is
├── Refused         the service answered, and said no (status, detail)
├── Gone            the service no longer has this model
└── Unreachable     no answer, or an answer that broke off or made no sense

Anything else that is raised is a bug and keeps its traceback.
"""


class VLMError(Exception):
    """An error that is meant to be read by a user."""

    again: float | None = (
        None  # seconds after which the same request may succeed; None: it will not
    )


class MissingKey(VLMError):
    """What was asked needs a key, or an engine, that is not here."""


class BadPrompt(VLMError):
    """The question, the picture or a parameter cannot be sent as it is."""


class Refused(VLMError):
    """The service answered with an error status.

    `status` is the HTTP status, `detail` the service's own words, never a key.
    """

    wait: float | None = (
        None  # seconds for which the service asks to be left alone; None: it did not say
    )

    def __init__(self, message: str, status: int = 0, detail: str = "") -> None:
        super().__init__(message)
        self.status, self.detail = status, detail


class Gone(VLMError):
    """The service no longer has this model; asking again will not help."""

    since: str = ""  # the ISO date of the model's end, when the service says it


class Unreachable(VLMError):
    """No answer came, or it broke off, or it made no sense."""
