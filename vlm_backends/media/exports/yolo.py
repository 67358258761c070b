"""Export regions as a data set for YOLO: a zip with the picture, its labels and their names."""

import io
import json
import zipfile
from collections.abc import Sequence

from vlm_backends.media.exports.common import clean_regions, file_name
from vlm_backends.media.geometry import bounds, corners
from vlm_backends.types import NAMELESS, Picture, Region

_DATE = (1980, 1, 1, 0, 0, 0)  # of each file: the same regions give the same bytes


def as_yolo(picture: Picture, regions: Sequence[Region]) -> bytes:
    """Return a zip with images/, labels/ and data.yaml, which lists the names of the classes.

    Each line of labels has the class (from 0, in the order in which labels appear) and the box:
    its middle, width and height in 0..1. When a region is a mask, all lines have outlines instead:
    x and y of each point. Where regions have scores, predictions/ has the lines with the score at
    their end, of these regions only. Regions with fewer than three points are left out.
    """
    kept = [region for region in clean_regions(regions) if len(region.outline) >= 3]
    names = list(dict.fromkeys(map(_name, kept)))
    as_outlines = any(region.is_mask for region in kept)
    lines = [f"{names.index(_name(region))} {_shape(region, as_outlines)}" for region in kept]
    scores = [region.score for region in kept]
    listed = json.dumps(dict(enumerate(names)), ensure_ascii=False)
    files = {
        "data.yaml": f"train: images\nval: images\nnames: {listed}\n".encode(),
        f"images/{file_name(picture)}": picture.data,
        "labels/picture.txt": _text(lines),
    }
    scored = [f"{line} {score:.5f}" for line, score in zip(lines, scores) if score is not None]
    if scored:
        files["predictions/picture.txt"] = _text(scored)
    return _zipped(files)


def _name(region: Region) -> str:
    return region.label.strip() or NAMELESS


def _shape(region: Region, as_outline: bool) -> str:
    left, top, right, bottom = bounds(region.outline)
    if as_outline:
        points = region.outline if region.is_mask else corners((left, top, right, bottom))
        return " ".join(f"{x:.6f} {y:.6f}" for x, y in points)
    box = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    return " ".join(f"{value:.6f}" for value in box)


def _text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in files.items():
            bundle.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
