"""Draw codes of known content: QR codes by segno, bars by python-barcode, others by zxing-cpp."""

import barcode
import numpy as np
import segno
import zxingcpp
from PIL import Image

_LEVEL = 0.55  # height of bars, by their width


def qr(content: str | bytes, module: int = 3, **options) -> Image.Image:
    """Draw a QR code with its quiet zone; `options` are segno's."""
    code = segno.make(content, micro=options.pop("micro", False), **options)
    rows = np.array([[not bit for bit in row] for row in code.matrix_iter(border=4)])
    return _enlarged(rows, module)


def bars(kind: str, content: str, module: int = 2) -> Image.Image:
    """Draw a barcode; `kind` is python-barcode's name, such as `ean13`."""
    options = {"add_checksum": False} if kind == "code39" else {}
    (row,) = barcode.get(kind, content, options=options).build()
    light = [True] * 12 + [bit == "0" for bit in row] + [True] * 12
    return _enlarged(np.tile(light, (round(len(row) * _LEVEL), 1)), module)


def other(format: zxingcpp.BarcodeFormat, content: str, module: int = 3) -> Image.Image:
    """Draw a code of any kind that zxing-cpp writes, with its quiet zone."""
    code = zxingcpp.create_barcode(content, format)
    return Image.fromarray(np.asarray(code.to_image(scale=module))).convert("RGB")


def _enlarged(light: np.ndarray, module: int) -> Image.Image:
    """Return modules (True is light) as squares of `module` pixels."""
    grey = np.where(light, 255, 0).astype(np.uint8)
    return Image.fromarray(np.kron(grey, np.ones((module, module), np.uint8))).convert("RGB")


def laid(code: Image.Image, margin: int = 20, ground="white", angle: float = 0) -> Image.Image:
    """Return the code on a larger ground, turned by degrees."""
    turned = code.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=ground)
    sheet = Image.new("RGB", (turned.width + 2 * margin, turned.height + 2 * margin), ground)
    sheet.paste(turned, (margin, margin))
    return sheet
