"""What a handler gives, as the browser takes it: made where the handler runs.

Gradio would do it in a thread for each output, and look for files in it twice: with pictures in a conversation that
costs more than all the rest of a question.
"""

from collections.abc import Callable, Sequence
from functools import wraps

from gradio.blocks import Block
from gradio.components import Component
from gradio.data_classes import GradioModel, GradioRootModel

QUIET = {
    "api_visibility": "private",
    "queue": False,
    "show_progress": "hidden",
}  # an event that is over at once


def posted(handler: Callable, outputs: Sequence[Component]) -> Callable:
    """The handler for an event with `postprocess=False`: each output's own postprocess has been called.

    For plain functions, and two outputs or more.
    """

    @wraps(handler)
    def handled(*given: object) -> list:
        return [_posted(part, value) for part, value in zip(outputs, handler(*given), strict=True)]

    return handled


def _posted(part: Component, value: object) -> object:
    if part.stateful:
        return value
    if isinstance(value, Block):
        value = value.constructor_args | {"__type__": "update"}
    if not (isinstance(value, dict) and value.get("__type__") == "update"):
        return _made(part, value)
    return value | {"value": _made(part, value["value"])} if "value" in value else value


def _made(part: Component, value: object) -> object:
    made = part.postprocess(value)
    return made.model_dump() if isinstance(made, GradioModel | GradioRootModel) else made
