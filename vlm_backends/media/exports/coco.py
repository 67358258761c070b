"""Export regions as annotations in COCO's format."""

from collections.abc import Iterable, Sequence

from vlm_backends.media.exports.common import clean_regions, pixel_outline
from vlm_backends.media.geometry import area, bounds
from vlm_backends.types import NAMELESS, Picture, Point, Region


def as_coco(entries: Iterable[tuple[str, Picture, Sequence[Region]]]) -> dict:
    """Return COCO's annotations of pictures, given as (file name, picture, regions) each.

    Ids count from 1; those of categories follow the order in which labels appear, and a region
    without a label is in the category "region". Boxes are [left, top, width, height] and areas
    those of the outlines, in pixels; `score` is in 0..1, where a region has one. Regions with
    fewer than three points or without area are left out.
    """
    pictures: list[dict] = []
    categories: dict[str, int] = {}
    annotations: list[dict] = []
    for name, picture, regions in entries:
        pictures.append(
            {
                "id": len(pictures) + 1,
                "file_name": name,
                "width": picture.width,
                "height": picture.height,
            }
        )
        for region in clean_regions(regions):
            if shape := _shape(pixel_outline(region, picture)):
                label = region.label.strip() or NAMELESS
                category = categories.setdefault(label, len(categories) + 1)
                ids = {"id": len(annotations) + 1, "image_id": len(pictures)}
                scored = {} if region.score is None else {"score": round(region.score, 5)}
                annotations.append(ids | {"category_id": category} | shape | scored)
    return {
        "info": {"description": "Regions as vision-language models answered them"},
        "licenses": [],
        "images": pictures,
        "categories": [
            {"id": number, "name": name, "supercategory": ""} for name, number in categories.items()
        ],
        "annotations": annotations,
    }


def _shape(outline: Sequence[Point]) -> dict | None:
    """Return what an annotation says about an outline in pixels; None when it has no area."""
    covered = round(area(outline), 6)
    if not covered:
        return None
    left, top, right, bottom = bounds(outline)
    return {
        "bbox": [left, top, round(right - left, 3), round(bottom - top, 3)],
        "area": covered,
        "iscrowd": 0,
        "segmentation": [[value for point in outline for value in point]],
    }
