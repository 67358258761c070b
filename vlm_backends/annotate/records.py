"""Write a run's question as plain text, its answers as lines of JSON, and all as CSV and COCO."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vlm_backends import (
    Answer,
    Engine,
    Model,
    Picture,
    Prompt,
    Region,
    Task,
    Turn,
    find_model,
    find_task,
)
from vlm_backends.annotate.jsonl import replacing
from vlm_backends.annotate.runner import Record
from vlm_backends.media.exports import as_coco, as_csv
from vlm_backends.media.exports.common import clean_regions

_COLUMNS = "file", "text", "regions", "engine", "seconds", "finish", "error"


@dataclass(frozen=True)
class AnnotationQuestion:
    """The one question of a run, as plain text that can be sent to another machine."""

    model: str  # an id
    text: str
    task: str = ""  # a token; empty: none

    def for_engine(self, engine: Engine) -> tuple[Model, Callable[[Picture], Prompt], Task | None]:
        """Return what `annotate` needs to ask this engine. Raises BadPrompt."""
        model = model_of(engine, self.model)
        task = find_task(self.task) if self.task else None

        def prompt(picture: Picture) -> Prompt:
            return Prompt((Turn("user", self.text, (picture,)),), model.sampling)

        return model, prompt, task

    @property
    def fields(self) -> dict:
        """Return what each line of its answers says about it."""
        return {"model": self.model, "task": self.task or None, "prompt": self.text}


def model_of(engine: Engine, id: str) -> Model:
    """Return the model of this id: one that only this engine knows, or the catalogue's.

    Raises BadPrompt.
    """
    return next((model for model in engine.models() if model.id == id), None) or find_model(id)


def record_to_json(record: Record, question: AnnotationQuestion) -> dict:
    """Return a picture's line: what was found in it, or why nothing was.

    Outlines are in 0..1 from the top left corner, width and height in pixels, seconds from the
    question to the end of the answer. `finish` says why the reply ended, where that is not the
    usual end. `page` counts from 1; `pages` is how many pages or frames the file has.
    """
    answer, picture = record.answer, record.picture
    return {
        "file": record.source.name,
        "engine": record.engine.name,
        **question.fields,
        "text": answer.text,
        "regions": [region_to_json(region) for region in clean_regions(answer.regions)],
        "rows": answer.rows,
        "note": answer.note,
        "thought": answer.thought,
        "finish": answer.finish,
        "width": picture and picture.width,
        "height": picture and picture.height,
        "page": picture and picture.page.number,
        "pages": picture and picture.page.count,
        "seconds": round(record.timing.total_s, 3),
        "error": record.error or None,
    }


def write_csv(path: Path, found: Callable[[], Iterable[Mapping]]) -> None:
    """Write one row a picture; no cell can be taken for a formula."""
    with replacing(path) as file:
        file.write("\ufeff".encode())  # otherwise Excel does not recognise UTF-8
        for row in (_COLUMNS, *map(_row, found())):
            file.write(as_csv(Answer("", rows=(row,)), None).encode(errors="replace"))


def write_coco(path: Path, found: Callable[[], Iterable[Mapping]]) -> None:
    """Write the regions of all answered pictures as one COCO file."""
    with replacing(path) as file:
        for piece in _coco_pieces(found):
            file.write(piece.encode(errors="replace"))


def _row(entry: Mapping) -> tuple[str, ...]:
    """Return the cells of a line; one of an older version has not all of them."""
    values = {**entry, "regions": len(entry["regions"])}
    found = (values.get(column) for column in _COLUMNS)
    return tuple("" if value is None else str(value) for value in found)


def _coco_pieces(found: Callable[[], Iterable[Mapping]]) -> Iterator[str]:
    """Yield what `as_coco` makes of all pictures, piece by piece.

    A million pictures need not fit into memory: `found` is called, and iterated, twice.
    """
    categories: dict[str, int] = {}
    yield f'{{"info": {_json(as_coco(())["info"])}, "licenses": [], "images": ['
    yield from _joined({**coco["images"][0], "id": number} for number, coco in _each(found))
    yield '], "annotations": ['
    yield from _joined(_annotations(found, categories))
    listed = [
        {"id": number, "name": name, "supercategory": ""} for name, number in categories.items()
    ]
    yield f'], "categories": {_json(listed)}}}'


def _each(found: Callable[[], Iterable[Mapping]]) -> Iterator[tuple[int, dict]]:
    """Yield the number of each answered picture, from 1, and the COCO of it alone."""
    answered = (entry for entry in found() if entry["width"] and not entry["error"])
    for number, entry in enumerate(answered, 1):
        picture = Picture(b"", "", entry["width"], entry["height"])
        yield number, as_coco([(entry["file"], picture, [*map(_region, entry["regions"])])])


def _annotations(
    found: Callable[[], Iterable[Mapping]], categories: dict[str, int]
) -> Iterator[dict]:
    """Yield the annotations of all, numbered from 1; fill `categories` with the ids by name."""
    id = 0
    for number, coco in _each(found):
        names = {each["id"]: each["name"] for each in coco["categories"]}
        for annotation in coco["annotations"]:
            id, name = id + 1, names[annotation["category_id"]]
            category = categories.setdefault(name, len(categories) + 1)
            yield {**annotation, "id": id, "image_id": number, "category_id": category}


def region_to_json(region: Region) -> dict:
    """Return a region with unrounded coordinates, as COCO is made from these lines."""
    fields = {
        "label": region.label,
        "outline": region.outline,
        "solid": region.is_mask,
        "span": region.span,
    }
    return fields if region.score is None else fields | {"score": region.score}


def _region(fields: Mapping) -> Region:
    outline = tuple((x, y) for x, y in fields["outline"])
    return Region(fields["label"], outline, fields["solid"], score=fields.get("score"))


def _joined(values: Iterable[dict]) -> Iterator[str]:
    for index, value in enumerate(values):
        yield f"{', ' * bool(index)}{_json(value)}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
