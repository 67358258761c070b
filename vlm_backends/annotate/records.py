"""A question about every picture of a data set, as plain words; each answer as a line of JSON, all as CSV and COCO."""

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

_COLUMNS = "file", "text", "regions", "engine", "seconds", "error"


@dataclass(frozen=True)
class Job:
    """The one question, as plain words that can travel to another machine."""

    model: str
    text: str
    task: str = ""

    def asked(self, engine: Engine) -> tuple[Model, Callable[[Picture], Prompt], Task | None]:
        """What a desk needs to ask this engine. Raises BadPrompt."""
        model, task = model_of(engine, self.model), find_task(self.task) if self.task else None
        return (
            model,
            lambda picture: Prompt((Turn("user", self.text, (picture,)),), model.sampling),
            task,
        )

    @property
    def fields(self) -> dict:
        """What each of its lines says of it."""
        return {"model": self.model, "task": self.task or None, "prompt": self.text}


def model_of(engine: Engine, id: str) -> Model:
    """The model of this id: one that only this engine knows, or the catalogue's. Raises BadPrompt."""
    return next((model for model in engine.models() if model.id == id), None) or find_model(id)


def line(record: Record, job: Job) -> dict:
    """The picture's line: what was found in it, or why not."""
    answer, picture = record.answer, record.picture
    return {
        "file": record.source.name,
        "engine": record.engine.name,
        **job.fields,
        "text": answer.text,
        "regions": [region._asdict() for region in clean_regions(answer.regions)],
        "rows": answer.rows,
        "note": answer.note,
        "width": picture and picture.width,
        "height": picture and picture.height,
        "seconds": round(record.total_s, 3),
        "error": record.error or None,
    }


def write_csv(path: Path, found: Callable[[], Iterable[Mapping]]) -> None:
    """One row a picture; no cell is taken for a formula."""
    with replacing(path) as file:
        file.write("\ufeff".encode())  # or Excel takes UTF-8 for something else
        for row in (_COLUMNS, *map(_row, found())):
            file.write(as_csv(Answer("", rows=(row,)), None).encode(errors="replace"))


def write_coco(path: Path, found: Callable[[], Iterable[Mapping]]) -> None:
    """The regions of all answered pictures as one COCO file."""
    with replacing(path) as file:
        for piece in _coco(found):
            file.write(piece.encode(errors="replace"))


def _row(entry: Mapping) -> tuple[str, ...]:
    values = {**entry, "regions": len(entry["regions"])}
    return tuple("" if values[column] is None else str(values[column]) for column in _COLUMNS)


def _coco(found: Callable[[], Iterable[Mapping]]) -> Iterator[str]:
    """What `as_coco` makes of all pictures, one after the other: a million of them need not fit into memory."""
    kinds: dict[str, int] = {}
    yield f'{{"info": {_json(as_coco(())["info"])}, "licenses": [], "images": ['
    yield from _listed({**coco["images"][0], "id": number} for number, coco in _each(found))
    yield '], "annotations": ['
    yield from _listed(_placed(found, kinds))
    kinds_listed = [
        {"id": number, "name": name, "supercategory": ""} for name, number in kinds.items()
    ]
    yield f'], "categories": {_json(kinds_listed)}}}'


def _each(found: Callable[[], Iterable[Mapping]]) -> Iterator[tuple[int, dict]]:
    """The number of each answered picture, and COCO's words for it alone."""
    answered = (entry for entry in found() if entry["width"] and not entry["error"])
    for number, entry in enumerate(answered, 1):
        picture = Picture(b"", "", entry["width"], entry["height"])
        yield number, as_coco([(entry["file"], picture, [*map(_region, entry["regions"])])])


def _placed(found: Callable[[], Iterable[Mapping]], kinds: dict[str, int]) -> Iterator[dict]:
    """The annotations of all, numbered through; the names of their categories go into `kinds`."""
    id = 0
    for number, coco in _each(found):
        names = {kind["id"]: kind["name"] for kind in coco["categories"]}
        for annotation in coco["annotations"]:
            id, name = id + 1, names[annotation["category_id"]]
            category = kinds.setdefault(name, len(kinds) + 1)
            yield {**annotation, "id": id, "image_id": number, "category_id": category}


def _region(fields: Mapping) -> Region:
    return Region(fields["label"], tuple((x, y) for x, y in fields["outline"]), fields["solid"])


def _listed(values: Iterable[dict]) -> Iterator[str]:
    for index, value in enumerate(values):
        yield f"{', ' * bool(index)}{_json(value)}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
