"""Choose the function that answers a question on this machine."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.description import describe_region
from vlm_backends.engines.builtin.detecting import detect_objects, name_region, propose_regions
from vlm_backends.engines.builtin.finding import find_words, ground_sentence
from vlm_backends.engines.builtin.findings import answer_about_picture
from vlm_backends.engines.builtin.masking import outline_by_words, outline_region
from vlm_backends.engines.builtin.prompts import OTHER_ENGINES, TaskQuestion, split_task
from vlm_backends.engines.builtin.tables import answer_about_table, read_table
from vlm_backends.engines.builtin.text import read_located_text, read_text
from vlm_backends.errors import MissingKey
from vlm_backends.media import images
from vlm_backends.table_prompts import read_table_prompt
from vlm_backends.types import Chunk, Model, Picture, Prompt

# a picture's pixels (H×W×3, uint8) and what follows the token to chunks; cancelled from outside
AnswerTask = Callable[[np.ndarray, TaskQuestion, CancelToken], Iterator[Chunk]]

TASKS: Mapping[str, AnswerTask] = {
    "<OD>": detect_objects,
    "<REGION_PROPOSAL>": propose_regions,
    "<REGION_TO_CATEGORY>": name_region,
    "<OCR>": read_text,
    "<OCR_WITH_REGION>": read_located_text,
    "<REGION_TO_SEGMENTATION>": outline_region,
    "<REFERRING_EXPRESSION_SEGMENTATION>": outline_by_words,
    "<CAPTION_TO_PHRASE_GROUNDING>": ground_sentence,
    "<OPEN_VOCABULARY_DETECTION>": find_words,
    "<REGION_TO_DESCRIPTION>": describe_region,
}


def answer(model: Model, prompt: Prompt, picture: Picture, cancel: CancelToken) -> Iterator[Chunk]:
    """Yield the answer of the model's stand-in to the prompt's last turn about this picture.

    Raises MissingKey for a task that has none, and BadPrompt.
    """
    text = prompt.turns[-1].text
    rgb = np.asarray(images.pixels(picture))
    about = read_table_prompt(text)
    if about and not model.tasks:
        yield from answer_about_table(rgb, *about, cancel)
        return
    if model.tables:
        yield from read_table(rgb, "" if text in model.prompts else text, cancel)
        return
    if not model.tasks:
        yield from answer_about_picture(rgb, text, model, prompt.confidence, cancel)
        return
    token, words = split_task(text)
    answer_task = TASKS.get(token)
    if answer_task is None:
        raise MissingKey(
            "This needs Florence-2 itself, which is not on this machine. "
            f"For it, {OTHER_ENGINES}. Here and now you can find and name things, read text, and "
            "outline or measure a region."
        )
    yield from answer_task(rgb, TaskQuestion(words, prompt.confidence), cancel)
