"""Measures parsing regions from text: replies of every grammar, of 10 to 10,000 regions."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace

from benchmarks._measure import cpu_time, goals_table, installed, markdown_table, medians
from vlm_backends import Answer
from vlm_backends.concurrency import PAUSE
from vlm_backends.readers import deplot, florence2, kosmos2, paligemma, plain

_SIZES = 10, 200, 1000, 10_000  # regions, or rows of a table
_STREAMED = 10, 200, 2000  # regions of a reply that streams
_LOOKS = 20  # how often a reply is parsed while it streams
_LOC = re.compile(r"<loc_(\d+)>")
_PATCHES = "<patch_index_0044><patch_index_0863>"
GRAMMARS: dict[str, tuple[Callable[[str], Answer], Callable[[int], str]]] = {
    "Florence-2, boxes": (florence2.boxes, lambda i: f"car {i}<loc_52><loc_332><loc_932><loc_774>"),
    "Florence-2, quads": (florence2.quads, lambda i: f"line {i}" + "<loc_52><loc_332>" * 4),
    "Florence-2, masks": (
        florence2.polygons,
        lambda i: f"mask {i}" + "<loc_52><loc_332>" * 6 + "<sep>",
    ),
    "Kosmos-2": (
        kosmos2.read,
        lambda i: f" and<phrase> dog {i}</phrase><object>{_PATCHES}</object>",
    ),
    "PaliGemma": (paligemma.read, lambda i: f"<loc0052><loc0332><loc0932><loc0774> cat {i} ; "),
    "DePlot": (deplot.read, lambda i: f"20{i} | 7.5 | 8.25 <0x0A> "),
    "plain words": (plain.read, lambda i: f"word {i}, and "),
}


def _peers(reply: str) -> dict[str, Callable[[], object]]:
    """Return other parsers of Florence-2's boxes, and the least that can be done."""
    peers = {"one pass of a pattern (floor)": lambda: [int(found) for found in _LOC.findall(reply)]}
    if installed("supervision"):
        import supervision as sv

        values = [int(found) for found in _LOC.findall(reply)]
        boxes = [values[i : i + 4] for i in range(0, len(values), 4)]
        given = {"<OD>": {"bboxes": boxes, "labels": [str(i) for i in range(len(boxes))]}}
        size = 1000, 1000
        peers["supervision, boxes that are read already"] = lambda: sv.Detections.from_vlm(
            sv.VLM.FLORENCE_2, given, resolution_wh=size
        )
    if installed("torch", "transformers"):
        from transformers.models.florence2.processing_florence2 import Florence2PostProcessor

        parser = Florence2PostProcessor({}, SimpleNamespace(all_special_tokens=()))
        parse = parser.parse_description_with_bboxes_from_text_and_spans
        peers["transformers, the post-processor's parser"] = partial(parse, reply, (1000, 1000))
    return peers


def _share(grammar: str, size: int) -> float:
    """Return the share of a processor that parsing takes while the reply streams.

    All of the reply is parsed again at each hand-over.
    """
    reader, item = GRAMMARS[grammar]
    reply = "".join(map(item, range(size)))
    looks = [
        cpu_time(partial(reader, reply[: len(reply) * k // _LOOKS])) for k in range(1, _LOOKS + 1)
    ]
    return sum(looks) / _LOOKS / PAUSE


def tables(rounds: int) -> Iterator[str]:
    """Yield whole replies, the same beside peers, streaming replies, and the goal."""
    times: dict[str, dict[int, float]] = {name: {} for name in GRAMMARS}
    for size in _SIZES:
        replies = {name: "".join(map(item, range(size))) for name, (_, item) in GRAMMARS.items()}
        sides = {
            name: partial(cpu_time, partial(GRAMMARS[name][0], replies[name])) for name in GRAMMARS
        }
        for name, value in medians(sides, rounds).items():
            times[name][size] = value * 1e3
    yield markdown_table(
        ("CPU ms for a whole reply of so many regions or rows", *map(str, _SIZES)),
        [[name, *(f"{found[size]:.3f}" for size in _SIZES)] for name, found in times.items()],
    )
    reply = "".join(map(GRAMMARS["Florence-2, boxes"][1], range(1000)))
    sides = {"**ours**": partial(florence2.boxes, reply)} | _peers(reply)
    found = medians({name: partial(cpu_time, work) for name, work in sides.items()}, rounds)
    rows = [[name, f"{value * 1e3:.2f}"] for name, value in found.items()]
    yield markdown_table(("1,000 boxes of Florence-2", "CPU ms"), rows)
    shares = medians(
        {(name, size): partial(_share, name, size) for name in GRAMMARS for size in _STREAMED}, 1
    )
    yield markdown_table(
        ("share of a processor while such a reply streams", *map(str, _STREAMED)),
        [[name, *(f"{shares[name, size]:.1%}" for size in _STREAMED)] for name in GRAMMARS],
    )
    worst = {
        name: max(value * 200 / size for size, value in found.items() if size >= 200)
        for name, found in times.items()
    }
    yield goals_table(
        [(f"{name}, for 200 at the worst size", value, 1) for name, value in worst.items()], "ms"
    )
