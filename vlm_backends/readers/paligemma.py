"""Read PaliGemma's grammar: words, or `<locYYYY><locXXXX><locYYYY><locXXXX> cat ; …`.

A box has y before x, in 1024 bins, which big_vision writes as round(v * 1023). Its label comes
after it. The 16 `<segNNN>` of a mask need a decoder with its own weights: here an answer to
`segment …` gives its box.
"""

import re

from vlm_backends.media.geometry import corners, ordered_box
from vlm_backends.readers.markup import drop_unfinished, remove_marks, unfinished
from vlm_backends.types import Answer, Region

_SPECIAL = "<s>", "</s>", "<pad>", "<bos>", "</bos>", "<eos>", "</eos>"
_SEG = re.compile(r"<seg\d+>")
_UNFINISHED = unfinished("<loc#>", "<seg#>", *_SPECIAL)
_ITEM = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})>((?:[^<;]|<(?!loc\d))*)")
_LOC = re.compile(r"<loc\d+>")
_LAST_BIN = 1023


def read(reply: str) -> Answer:
    """Return the words of a reply, or one line of text and one region per object."""
    reply = _SEG.sub("", remove_marks(drop_unfinished(reply, _UNFINISHED), *_SPECIAL))
    regions, start = [], 0
    for *bins, label in _ITEM.findall(reply):
        label = label.strip()
        ya, xa, yb, xb = (min(int(bin_), _LAST_BIN) / _LAST_BIN for bin_ in bins)
        outline = corners(ordered_box(xa, ya, xb, yb))
        regions.append(Region(label, outline, span=(start, start + len(label))))
        start += len(label) + 1
    if not regions:
        return Answer(_LOC.sub("", reply).strip())
    return Answer("\n".join(region.label for region in regions).rstrip("\n"), tuple(regions))
