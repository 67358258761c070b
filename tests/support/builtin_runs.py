"""Runs tasks with the built-in tools on a picture that a test has drawn."""

import io

from PIL import Image

from vlm_backends import Embedded, Prompt, Turn, ask, find_model, find_task, read, write_task

FLORENCE = find_model("microsoft/florence-2")


def picture(image: Image.Image):
    """The drawn image, read as a visitor's PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return read(buffer.getvalue())


def run(token: str, image, words="", region=None):
    """The last answer of a task about the picture."""
    given = image if not isinstance(image, Image.Image) else picture(image)
    task = find_task(token)
    prompt = Prompt((Turn("user", write_task(task, words, region), (given,)),))
    return list(ask(Embedded(), FLORENCE, prompt, task))[-1]
