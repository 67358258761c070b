"""Measures how often things in photographs are found and named right.

A thing is right when its name and its box (IoU of 0.5 at least) are those of a label that no surer
thing has taken. What lies half or more in a region to ignore counts neither way, as in COCO.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import _pictures
from benchmarks._measure import markdown_table
from benchmarks.thing_set.packages import FOLDER, photograph
from benchmarks.thing_set.pages import page
from vlm_backends.engines.builtin.things import Thing, find_things, overlap
from vlm_backends.engines.builtin.things.boxes import box_area, shared_area
from vlm_backends.engines.builtin.things.detector import detect
from vlm_backends.engines.builtin.things.finding import distinct, things_of
from vlm_backends.types import CONFIDENCE

_LABELS = Path(__file__).parent / "thing_set" / "labels.json"
_SAME = 0.5  # IoU of a box and its label
_IGNORED = 0.5  # of a box, in a region to ignore
_SCORES = 0.3, 0.4, CONFIDENCE, 0.6, 0.7
_FIRST_PAGE, _PAGES = 30_000, 40
_ASSETS = "page receipt screenshot chart grouped horizontal slide1 slide2 slide3".split()
Finder = Callable[[np.ndarray, float], Sequence[Thing]]


def bare(rgb: np.ndarray, min_score: float) -> list[Thing]:
    """Return what the network alone says: one look at the shrunken picture, doubles left out."""
    return distinct(things_of(detect(rgb, flipped_too=False), min_score))


_FINDERS: dict[str, Finder] = {"the network alone": bare, "find_things": find_things}


@dataclass(frozen=True)
class Verdict:
    """What was found in one photograph, and what was not."""

    right: list[Thing]
    wrong: list[Thing]
    missed: list[str]


def judged(found: Sequence[Thing], labels: Sequence[dict]) -> Verdict:
    """Compare things with the labels of a photograph, the surest thing first."""
    free = [label for label in labels if not label.get("ignore")]
    ignored = [label for label in labels if label.get("ignore")]
    right, wrong = [], []
    for thing in sorted(found, key=lambda thing: -thing.score):
        same = [label for label in free if label["name"] == thing.name]
        best = max(same, key=lambda label: overlap(thing.box, label["box"]), default=None)
        if best and overlap(thing.box, best["box"]) >= _SAME:
            free.remove(best)
            right.append(thing)
        elif not any(
            label["name"] == thing.name
            and shared_area(thing.box, label["box"]) >= _IGNORED * box_area(thing.box)
            for label in ignored
        ):
            wrong.append(thing)
    return Verdict(right, wrong, [label["name"] for label in free])


def tables(rounds: int) -> Iterator[str]:
    """Yield precision and recall by score, what was wrong and missed, and what pages hold."""
    photographs = {}
    for row in json.loads(_LABELS.read_text(encoding="utf-8")):
        source = row["package"], row["version"], row["path"], row["sha256"]
        try:
            photographs[row["path"].rpartition("/")[2]] = photograph(*source), row["things"]
        except FileNotFoundError as error:
            yield f"Left out: {error}"
    if photographs:
        yield from _of_photographs(photographs)
    else:
        yield f"No photograph was measured: put the packages into {FOLDER}."
    yield _of_pages(_PAGES * min(rounds, 3) // 3)


def _of_photographs(photographs: dict[str, tuple[np.ndarray, list[dict]]]) -> Iterator[str]:
    verdicts = {
        (name, score): {
            file: judged(find(rgb, score), labels) for file, (rgb, labels) in photographs.items()
        }
        for name, find in _FINDERS.items()
        for score in _SCORES
    }
    head = f"{len(photographs)} photographs", "score", "right", "wrong", "missed"
    rows = [_row(name, score, list(found.values())) for (name, score), found in verdicts.items()]
    yield markdown_table((*head, "precision", "recall"), rows)
    for name in _FINDERS:
        found = verdicts[name, CONFIDENCE]
        yield _by_kind(name, list(found.values()))
        yield "\n".join([f"{name}, from {CONFIDENCE} on:", *_slips(found)])


def _row(name: str, score: float, found: Sequence[Verdict]) -> list[object]:
    right = sum(len(verdict.right) for verdict in found)
    wrong = sum(len(verdict.wrong) for verdict in found)
    missed = sum(len(verdict.missed) for verdict in found)
    precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
    return [name, score, right, wrong, missed, f"{precision:.0%}", f"{recall:.0%}"]


def _by_kind(name: str, found: Sequence[Verdict]) -> str:
    right = Counter(thing.name for verdict in found for thing in verdict.right)
    wrong = Counter(thing.name for verdict in found for thing in verdict.wrong)
    missed = Counter(kind for verdict in found for kind in verdict.missed)
    kinds = sorted({*right, *wrong, *missed})
    rows = [(kind, right[kind], wrong[kind], missed[kind]) for kind in kinds]
    return markdown_table((name, "right", "wrong", "missed"), rows)


def _slips(found: dict[str, Verdict]) -> Iterator[str]:
    for file, verdict in found.items():
        wrong = [f"{thing.name} {thing.score:.2f}" for thing in verdict.wrong]
        missed = [f"no {kind}" for kind in verdict.missed]
        if wrong or missed:
            yield f"- {file}: {', '.join(wrong + missed)}"


def _of_pages(count: int) -> str:
    """Return a table of the things that are seen on pages, on which there is none."""
    samples = {f"page {seed}": page(seed) for seed in range(_FIRST_PAGE, _FIRST_PAGE + count)}
    for name in _ASSETS:
        with Image.open(_pictures.ROOT / "assets" / f"{name}.png") as image:
            samples[name] = np.asarray(image.convert("RGB"))
    rows, slips = [], []
    for name, find in _FINDERS.items():
        seen = {title: find(rgb, CONFIDENCE) for title, rgb in samples.items()}
        rows.append((name, len(samples), sum(map(bool, seen.values()))))
        slips += [
            f"- {name}, {title}: {', '.join(f'{thing.name} {thing.score:.2f}' for thing in things)}"
            for title, things in seen.items()
            if things
        ]
    head = "Drawn pages, without a thing", "number", "with a thing named"
    return "\n\n".join([markdown_table(head, rows), "\n".join(slips)])
