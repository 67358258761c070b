"""Export an answer's words, or a whole conversation as a zip."""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence

from vlm_backends.media.exports.common import file_name, to_json
from vlm_backends.text import clean
from vlm_backends.types import Answer, Turn

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_UNIX, _READABLE = 3, 0o644 << 16  # attributes of a file in a zip


def as_text(answer: Answer) -> str:
    """Return the answer's words and a line end; an empty text when it has none."""
    words = clean(answer.text).rstrip()
    return f"{words}\n" if words else ""


def as_conversation(title: str, turns: Sequence[Turn]) -> bytes:
    """Return a zip with conversation.md for people, conversation.json for programs, and pictures/.

    The JSON has `title` and `turns`, each with `role`, `text` and `pictures`: the names of files
    in the zip, which holds each picture once. The same turns give the same bytes.
    """
    files = _picture_files(turns)
    entries = [
        {
            "role": turn.role,
            "text": turn.text,
            "pictures": [files[picture.data] for picture in turn.pictures],
        }
        for turn in turns
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        _add(bundle, "conversation.md", _markdown(title, entries).encode())
        _add(bundle, "conversation.json", to_json({"title": title, "turns": entries}))
        for data, name in files.items():
            _add(bundle, name, data)
    return buffer.getvalue()


def _picture_files(turns: Sequence[Turn]) -> dict[bytes, str]:
    """Give each distinct picture a name, by its bytes."""
    files: dict[bytes, str] = {}
    for picture in (picture for turn in turns for picture in turn.pictures):
        files.setdefault(picture.data, f"pictures/{file_name(picture, len(files) + 1)}")
    return files


def _markdown(title: str, entries: Sequence[Mapping]) -> str:
    heading = _PUNCTUATION.sub(r"\\\1", " ".join(clean(title).split()))
    return "\n\n".join([f"# {heading}", *map(_section, entries)]) + "\n"


def _section(entry: Mapping) -> str:
    """Write a turn as Markdown: its text in a fence that is longer than any fence within it."""
    text = clean(entry["text"])
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    pictures = [f"![{name}]({name})" for name in entry["pictures"]]
    return "\n\n".join(
        [f"## {entry['role'].capitalize()}", *pictures, f"{fence}text\n{text}\n{fence}"]
    )


def _add(bundle: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add a file without a date or a system's attributes, so that equal files give equal zips."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = _UNIX, _READABLE
    is_picture = name.startswith("pictures/")  # already compressed
    entry.compress_type = zipfile.ZIP_STORED if is_picture else zipfile.ZIP_DEFLATED
    bundle.writestr(entry, data)
