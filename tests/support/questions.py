"""Models, pictures and questions that many tests ask, and what is compared of their answers."""

import base64

from tests.support.paths import ASSETS
from vlm_backends import Prompt, Sampling, Turn, VLMError, ask, find_model, read
from vlm_backends.engines.http.client import RequestPolicy

FLORENCE, LLAMA, DEPLOT, PHI = map(
    find_model,
    (
        "microsoft/florence-2",
        "meta/llama-3.2-11b-vision-instruct",
        "google/deplot",
        "microsoft/phi-3.5-vision-instruct",
    ),
)
SIGN = read(ASSETS / "sign.jpg")
SLIDES = tuple(read(ASSETS / f"slide{i}.png") for i in (1, 2, 3))
QUICK = RequestPolicy(connect_timeout=2, idle_timeout=60, backoff=0.01)


def deck_question(pictures=SLIDES[:1], text="Summarize the deck of slides.") -> Prompt:
    """Return the specification's question to Phi-3.5: 1000 tokens, deterministic."""
    return Prompt((Turn("user", text, pictures),), Sampling(1000, 0.0, 1.0))


def chat_body(text="What is in this image?", model=LLAMA.id, picture=SIGN, **more) -> dict:
    """Return the body of a request to a server with the OpenAI wire."""
    source = f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode()}"
    content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": source}}]
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def outcome(engine, model, prompt, task) -> tuple:
    """Return what is left of an answer: all that the page shows, or the error."""
    try:
        *_, answer = ask(engine, model, prompt, task)
    except VLMError as error:
        status, wait, since = (getattr(error, name, None) for name in ("status", "wait", "since"))
        return type(error), str(error), status, wait, since
    return answer.text, answer.regions, answer.rows, answer.literal, answer.tokens
