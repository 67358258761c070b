"""Measure a picture without a model: its size, colours and codes."""

from collections.abc import Iterator

import cv2
import numpy as np
import zxingcpp

_NAMED_COLOURS = {  # RGB, 0..255
    "black": (15, 15, 15),
    "white": (250, 250, 250),
    "grey": (128, 128, 128),
    "light grey": (205, 205, 205),
    "dark grey": (65, 65, 65),
    "red": (200, 35, 35),
    "orange": (240, 140, 30),
    "yellow": (245, 215, 60),
    "green": (50, 150, 60),
    "dark green": (25, 70, 35),
    "teal": (30, 140, 140),
    "light blue": (150, 200, 240),
    "blue": (40, 90, 200),
    "dark blue": (25, 35, 90),
    "purple": (120, 60, 160),
    "pink": (240, 150, 180),
    "brown": (120, 75, 40),
    "beige": (225, 205, 170),
}
_SIDE = 96  # px: colours are counted at this size
_CLUSTERS = 6
_MIN_SHARE = 0.05  # of the pixels: rarer colours are not named
_Format = zxingcpp.BarcodeFormat
_MATRIX = {
    _Format.QRCode,
    _Format.MicroQRCode,
    _Format.RMQRCode,
    _Format.DataMatrix,
    _Format.Aztec,
    _Format.MaxiCode,
}
_CHECKED = [
    *_MATRIX,
    _Format.PDF417,
    _Format.EAN13,
    _Format.EAN8,
    _Format.UPCE,
    _Format.Code128,
    _Format.Code93,
    _Format.Code39,
    _Format.ITF14,
    _Format.DataBar,
]


def size_and_colours(rgb: np.ndarray) -> str:
    """Say the size in pixels and the colours of a picture (H×W×3, uint8) in a sentence each."""
    height, width = rgb.shape[:2]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in colours(rgb))
    return f"{width} × {height} px. Colours: {shares or 'many, none of them large'}."


def colours(rgb: np.ndarray, most: int = 4) -> list[tuple[str, float]]:
    """Return the named colours of the pixels (H×W×3, uint8) with their shares in 0..1.

    The largest come first, `most` at most; those below 5 % are left out.
    """
    small = cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    names = list(_NAMED_COLOURS)
    named = _to_lab(np.array(list(_NAMED_COLOURS.values()), np.uint8).reshape(-1, 1, 3))
    centres, counts = _clusters(_to_lab(small.reshape(-1, 1, 3)))
    shares: dict[str, float] = {}
    for centre, share in zip(centres, counts):
        name = names[int(((named - centre) ** 2).sum(1).argmin())]
        shares[name] = shares.get(name, 0.0) + share
    largest = sorted(shares.items(), key=lambda item: -item[1])[:most]
    return [(name, share) for name, share in largest if share >= _MIN_SHARE]


def _clusters(pixels: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return the centres of the pixels' clusters and the share of each, the same each time."""
    cv2.setRNGSeed(1)
    criteria = cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.5
    start = np.empty((0,), np.int32)  # no initial labels
    _, labels, centres = cv2.kmeans(pixels, _CLUSTERS, start, criteria, 3, cv2.KMEANS_PP_CENTERS)
    return centres, [float((labels == k).mean()) for k in range(len(centres))]


def codes(rgb: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield kind, content and corners (4×2, pixels) of each code in the picture (H×W×3, uint8).

    Only kinds that carry a check are read: others are "found" in any striped picture.
    """
    for code in zxingcpp.read_barcodes(np.ascontiguousarray(rgb[:, :, ::-1]), formats=_CHECKED):
        place = code.position
        corners = place.top_left, place.top_right, place.bottom_right, place.bottom_left
        kind, content = _read(code)
        yield kind, content, np.array([(corner.x, corner.y) for corner in corners], np.float32)


def _read(code: zxingcpp.Barcode) -> tuple[str, str]:
    """Return a code's kind, and its content as people find it printed beside the code."""
    name, text = str(code.format), code.text
    if code.content_type == zxingcpp.ContentType.Binary:
        text = f"{len(code.bytes)} bytes that are no text"
    if code.format == _Format.EAN13 and text.startswith("0"):  # the same bars
        name, text = "UPC-A", text[1:]
    if code.format == _Format.UPCE:
        text = (code.extra or {}).get("UPCE", text)
    if code.format in _MATRIX:
        return f"{name.removesuffix('Code').strip()} code", text
    return f"{name} barcode", text


def _to_lab(pixels: np.ndarray) -> np.ndarray:
    """Convert pixels (N×1×3, uint8 RGB) to OpenCV's 8-bit CIELAB (N×3, float32)."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.float32)
