"""A run of a task: what is asked, and how far it has come."""

from dataclasses import dataclass

import gradio as gr

from ui.asking import Asked
from ui.reply import verbatim
from vlm_backends import Answer, BadPrompt, Prompt, Task, Turn, find_task, images, write_task


@dataclass
class Run:
    """One visitor's last run of a task, held by the server."""

    waiting: bool = False
    fresh: bool = False  # not sent yet
    over: bool = False  # ended, and not shown yet
    asked: Asked | None = None
    error: str = ""  # why it could not even be asked


def as_uploaded(image: gr.Image) -> gr.Image:
    """The field, made to hand over the path of the file as it was uploaded: this project reads it, in its own words."""
    image.preprocess = lambda payload: getattr(payload, "path", None)
    return image


def task_prompt(token: str, path: str | None, words: str, region: object) -> tuple[Prompt, Task]:
    """The prompt of a task run and its task; BadPrompt when the picture, the words or the region are missing."""
    if not path:
        raise BadPrompt("Add a picture first: drop, paste or upload one, or click an example.")
    task = find_task(token)
    return Prompt((Turn("user", write_task(task, words, region), (images.read(path),)),)), task


def nothing(answer: Answer) -> str:
    """The line for an answer with neither a word nor a region."""
    return "Nothing was found in this picture." + (f" {verbatim(answer.note)}" if answer.note else "")
