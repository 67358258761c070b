"""Writes links: a tab's name, and the query that opens a tab, a task and an example."""

from urllib.parse import urlencode

from vlm_backends import Model


def slug(model: Model) -> str:
    """Return the model's name in links and in the page: the last part of its id.

    A model that only a server knows has its whole id, escaped, so that no two tabs share a name.
    """
    if model.hosted:
        return model.id.rpartition("/")[2]
    return "at-" + "".join(
        char if char.isascii() and char.isalnum() else f"-{ord(char):x}-" for char in model.id
    )


def link_query(model: Model, example: int | None, token: str = "") -> str:
    """Return a link's query: model, task and example (counted from 1), nothing of the visitor's."""
    number = "" if example is None else str(example + 1)
    parts = {"model": slug(model), "task": token.strip("<>"), "example": number}
    return urlencode({name: value for name, value in parts.items() if value})
