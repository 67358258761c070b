"""What can be measured in a picture without a model: colours, light, sharpness, codes."""

from collections.abc import Iterator
from contextlib import suppress

import cv2
import numpy as np

_NAMES = {
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


def colours(rgb: np.ndarray, most: int = 4) -> list[tuple[str, float]]:
    """The named colours of the pixels (H, W, 3; uint8) with their shares in 0..1, the largest first."""
    small = cv2.resize(rgb, (96, 96), interpolation=cv2.INTER_AREA)
    pixels = _lab(small.reshape(-1, 1, 3))
    names = _lab(np.array([list(_NAMES.values())], np.uint8).reshape(-1, 1, 3))
    cv2.setRNGSeed(1)
    rule = cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.5
    _, groups, centres = cv2.kmeans(pixels, 6, None, rule, 3, cv2.KMEANS_PP_CENTERS)
    shares: dict[str, float] = {}
    for k, centre in enumerate(centres):
        name = list(_NAMES)[int(((names - centre) ** 2).sum(1).argmin())]
        shares[name] = shares.get(name, 0.0) + float((groups == k).mean())
    return [
        (name, share)
        for name, share in sorted(shares.items(), key=lambda item: -item[1])[:most]
        if share >= 0.05
    ]


def codes(rgb: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Kind, content and corners (4, 2; pixels) of each QR code and barcode."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    with suppress(cv2.error):  # the detectors raise on some pictures where they should find nothing
        found, texts, quads, _ = cv2.QRCodeDetector().detectAndDecodeMulti(grey)
        if found:
            yield from (("QR code", text, quad) for text, quad in zip(texts, quads) if text)
    with suppress(cv2.error):
        found, texts, kinds, quads = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(grey)
        if found:
            yield from (
                (f"{kind} barcode", text, quad)
                for text, kind, quad in zip(texts, kinds, quads)
                if text
            )


def _lab(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.float32)
