"""PaliGemma's grammar: words, or `<locYYYY><locXXXX><locYYYY><locXXXX> cat ; …` for detect and segment.

y comes before x; 1024 bins, which big_vision writes as round(v * 1023). The label comes after. The 16
`<segNNN>` of a mask need a decoder with weights of its own: here a segment answer gives its box.
"""

import re

from vlm_backends.readers.markup import finished, without
from vlm_backends.types import Answer, Region

_NOISE = "<s>", "</s>", "<pad>", "<bos>", "</bos>", "<eos>", "</eos>"
_SEG = re.compile(r"<seg\d+>")
_UNFINISHED = re.compile(r"</?[a-z]*\d*$")
_ITEM = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})>([^<;]*)")
_LOC = re.compile(r"<loc\d*>")


def read(reply: str) -> Answer:
    """The words, or one line and one region for each object."""
    reply = _SEG.sub("", without(finished(reply, _UNFINISHED), *_NOISE))
    regions, start = [], 0
    for *bins, label in _ITEM.findall(reply):
        label = label.strip()
        ya, xa, yb, xb = (min(int(bin_), 1023) / 1023 for bin_ in bins)
        x0, x1, y0, y1 = min(xa, xb), max(xa, xb), min(ya, yb), max(ya, yb)
        outline = (x0, y0), (x1, y0), (x1, y1), (x0, y1)
        regions.append(Region(label, outline, span=(start, start + len(label))))
        start += len(label) + 1
    if not regions:
        return Answer(_LOC.sub("", reply).strip())
    return Answer("\n".join(region.label for region in regions).rstrip("\n"), tuple(regions))
