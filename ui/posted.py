"""What a handler gives, as the browser takes it: made where the handler runs.

Gradio would do it in a thread for each output, and look for files in it twice: with pictures in a conversation that
costs more than all the rest of a question.
"""

from collections.abc import Callable, Sequence
from functools import wraps

from gradio.blocks import Block
from gradio.components import Component
from gradio.data_classes import GradioModel, GradioRootModel


def posted(handler: Callable, outputs: Sequence[Component]) -> Callable:
    """The handler for an event with `postprocess=False`: each output's own postprocess has been called."""

    @wraps(handler)
    def handled(*given: object) -> list:
        return [_posted(part, value) for part, value in zip(outputs, handler(*given), strict=True)]

    return handled


def _posted(part: Component, value: object) -> object:
    update = isinstance(value, Block) or isinstance(value, dict) and value.get("__type__") == "update"
    if part.stateful or update:
        return value
    made = part.postprocess(value)
    return made.model_dump() if isinstance(made, GradioModel | GradioRootModel) else made
