"""Parse a request of OpenAI's API: its JSON becomes a model, a prompt and a task."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vlm_backends import Model, Picture, Prompt, Task, Turn
from vlm_backends.errors import BadPrompt, Unreachable, VLMError
from vlm_backends.media import images
from vlm_backends.media.data_urls import from_data_url, is_data_url
from vlm_backends.media.files.kinds import kind_of
from vlm_backends.media.files.pages import whole_number
from vlm_backends.models import check_sampling
from vlm_backends.server.fields import check_fields, check_message
from vlm_backends.types import Sampling

_MAX_TEXT = 200_000  # characters of a conversation
_MAX_TURNS = 200
_MAX_PICTURES = 100
_MAX_PDFS = 20  # of the pictures: drawing one may take 20 s, and all callers share two turns


class NoSuchModel(VLMError):
    """The request names a model that is not served here."""


@dataclass(frozen=True)
class ChatRequest:
    """A question, and the form of its answer."""

    model: Model
    prompt: Prompt
    task: Task | None = None
    streams: bool = False
    counts: bool = False  # a stream ends with the number of its tokens
    raw: bool = False  # the model's own words with its special tokens, as its readers want them


def read_request(
    body: object, models: Sequence[Model], load: Callable[[str], bytes]
) -> ChatRequest:
    """Return the request in a body's JSON; `load` gives the bytes behind an http(s) address.

    Raises BadPrompt and NoSuchModel.
    """
    if not isinstance(body, dict):
        raise BadPrompt("The request's body must be a JSON object with model and messages.")
    model = find_served(body.get("model"), models)
    check_fields(body)
    turns = tuple(_turns(body.get("messages"), _PictureReader(load)))
    task = _task(model, turns[-1].text)
    counts = (body.get("stream_options") or {}).get("include_usage") is True
    raw = body.get("skip_special_tokens") is False
    own = None if task else model.sampling
    prompt = Prompt(turns, own and check_sampling(model, _sampling(body, own)))
    return ChatRequest(model, prompt, task, body.get("stream") is True, counts, raw)


def find_served(id: object, models: Sequence[Model]) -> Model:
    """Return the model of this id, its own or its weights' at the hub, in any letter case.

    Raises NoSuchModel, and Unreachable while there is no model at all: then an engine's own server
    lists none, or could not be asked.
    """
    if not models:
        raise Unreachable(
            "No model is served here just now: the server behind this one lists none, or could not "
            "be asked. Try again in a moment."
        )
    name = id.lower() if isinstance(id, str) else None
    for model in models:
        if name in (model.id.lower(), model.weights.id.lower() if model.weights else model.id):
            return model
    known = ", ".join(model.id for model in models)
    raise NoSuchModel(f"The model “{str(id)[:80]}” does not exist here. Served: {known}.")


def _turns(messages: object, reader: "_PictureReader") -> Iterator[Turn]:
    """Yield the conversation; a system message's text is put before the user's next words."""
    if not isinstance(messages, list) or not messages or len(messages) > _MAX_TURNS:
        raise BadPrompt(
            f"messages must be a list of 1 to {_MAX_TURNS} messages, the last one the user's."
        )
    if not isinstance(messages[-1], dict) or messages[-1].get("role") != "user":
        raise BadPrompt("The last message must be the user's.")
    before, length, shown = "", 0, 0
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("system", "developer", "user", "assistant"):
            raise BadPrompt("Each message has a role: system, user or assistant.")
        check_message(message)
        text, pictures = _content(role, message, reader, _MAX_PICTURES - shown)
        length, shown = length + len(text), shown + len(pictures)
        if length > _MAX_TEXT:
            raise BadPrompt(
                f"The conversation is longer than {_MAX_TEXT:,} characters. Send less of it."
            )
        if role in ("system", "developer"):
            if pictures:
                raise BadPrompt(f"A {role} message holds text only. Put pictures into the user's.")
            before += text + "\n\n"
        else:
            yield Turn(role, (before + text if role == "user" else text), pictures)
            before = "" if role == "user" else before


def _content(
    role: str, message: dict, reader: "_PictureReader", capacity: int
) -> tuple[str, tuple[Picture, ...]]:
    content = message.get("content")
    if content is None and role == "assistant":  # an answer without words, or one that declined
        content = message.get("refusal") or ""
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        raise BadPrompt("A message's content is a text, or a list of text and image_url parts.")
    words, pictures = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            words.append(part["text"])
        elif kind == "refusal" and isinstance(part.get("refusal"), str):
            words.append(part["refusal"])
        elif kind in ("image_url", "file"):
            if len(pictures) == capacity:
                raise BadPrompt(f"A conversation may show {_MAX_PICTURES} pictures. Send fewer.")
            pictures.append(reader.read(part.get(kind)))
        else:
            raise BadPrompt(
                "A part of a message is {type: text, text}, {type: image_url, image_url: {url}} or "
                "{type: file, file: {file_data}}."
            )
    return "\n".join(words), tuple(pictures)


class _PictureReader:
    """Reads the pictures of one request; `load` gives the bytes behind an http(s) address."""

    def __init__(self, load: Callable[[str], bytes]) -> None:
        self._load, self._pdfs = load, 0

    def read(self, source: object) -> Picture:
        """Read a picture, or the `page` of a PDF or TIFF, an extension of OpenAI's API.

        `source` is the value of an `image_url` or a `file`; page 1 is the first, and the usual one.
        """
        fields = source if isinstance(source, dict) else {"url": source}
        url, page = fields.get("url") or fields.get("file_data"), fields.get("page")
        if not isinstance(url, str):
            raise BadPrompt(
                "image_url holds a url, and file holds file_data: data:image/…;base64,… or an "
                "address."
            )
        url = url.strip()
        data = from_data_url(url) if is_data_url(url) else self._load(url)
        self._pdfs += kind_of(data) == "pdf"
        if self._pdfs > _MAX_PDFS:
            raise BadPrompt(
                f"A conversation may show {_MAX_PDFS} pages of PDFs. Send fewer, or send them as "
                "pictures."
            )
        return images.read(data, 1 if page is None else whole_number(page))


def _task(model: Model, text: str) -> Task | None:
    """Return the task that the text begins with; None without tasks. Raises BadPrompt."""
    if not model.tasks:
        return None
    for task in model.tasks:
        if text.startswith(task.token):
            return task
    tokens = ", ".join(task.token for task in model.tasks)
    raise BadPrompt(f"{model.title} has tasks: begin with one of {tokens}.")


def _sampling(body: dict, own: Sampling) -> Sampling:
    """Return the model's own sampling with what the request says. Raises BadPrompt."""
    newer = body.get("max_completion_tokens") is not None  # OpenAI's newer name
    limit = "max_completion_tokens" if newer else "max_tokens"
    max_tokens = _number(limit, body.get(limit), own.max_tokens)
    temperature = _number("temperature", body.get("temperature"), own.temperature)
    top_p = _number("top_p", body.get("top_p"), own.top_p)
    seed = body.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise BadPrompt("seed must be a whole number.")
    if max_tokens != max_tokens // 1:
        raise BadPrompt(f"{limit} must be a whole number.")
    return Sampling(int(max_tokens), temperature, top_p, own.seed if seed is None else seed)


def _number(name: str, value: object, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadPrompt(f"{name} must be a number.")
    return value
