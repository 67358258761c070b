"""Write the results of a batch as one zip."""

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from vlm_backends.annotate.runner import Record
from vlm_backends.annotate.sources import stem_of
from vlm_backends.media.exports import FORMATS, as_coco
from vlm_backends.types import Answer

_COLUMNS = "file", "state", "text", "regions", "engine", "seconds", "finish", "error"


def write_archive(
    target: BinaryIO | Path,
    records: Sequence[Record],
    drawn: Callable[[Record], Path | None],
    details: Callable[[Record], dict],
) -> None:
    """Write annotated/ (pictures), json/ (answers), tables/ (if any), coco.json and results.csv.

    `drawn` gives the file of a picture with its regions, `details` what its JSON holds. Records may
    be without images. Failed ones have a row in results.csv only.
    """
    done = [record for record in records if not record.error]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for record in done:
            _write_record(bundle, record, drawn(record), details(record))
        entries = [
            (record.source.name, record.picture, record.answer.regions)
            for record in done
            if record.picture
        ]
        bundle.writestr("coco.json", _json(as_coco(entries)))
        table = Answer("", rows=(_COLUMNS, *map(_row, records)))
        bundle.writestr("results.csv", FORMATS["CSV"].write(None, table))


def _write_record(
    bundle: zipfile.ZipFile, record: Record, drawn: Path | None, details: dict
) -> None:
    stem = stem_of(record.source.name)
    if drawn:
        bundle.write(drawn, f"annotated/{stem}{drawn.suffix}", zipfile.ZIP_STORED)
    bundle.writestr(f"json/{stem}.json", _json(details))
    if record.answer.rows:
        table = FORMATS["CSV"].write(record.picture, record.answer)
        bundle.writestr(f"tables/{stem}.csv", table)


def _row(record: Record) -> tuple[str, ...]:
    answer, state = record.answer, "failed" if record.error else "done"
    found, seconds = str(len(answer.regions)), f"{record.timing.total_s:.2f}"
    asked = record.source.name, state, answer.text, found, record.engine.name, seconds
    return *asked, answer.finish, record.error


def _json(value: dict) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode(errors="replace")
