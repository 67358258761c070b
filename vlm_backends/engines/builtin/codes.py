"""Read QR codes, barcodes and their relatives with zxing-cpp."""

import math
from collections.abc import Iterator, Mapping

import cv2
import numpy as np
import zxingcpp

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.code_agreement import (
    Check,
    CodeReading,
    FoundCode,
    agreed_codes,
    is_square,
)
from vlm_backends.engines.builtin.code_content import kind_of, text_of
from vlm_backends.engines.builtin.code_damage import looks_like_code

_Format = zxingcpp.BarcodeFormat
_CHECKS: Mapping[zxingcpp.BarcodeFormat, Check] = {  # by family: what tells a misread code
    _Format.QRCode: "correction",
    _Format.DataMatrix: "correction",
    _Format.Aztec: "correction",
    _Format.MaxiCode: "correction",
    _Format.PDF417: "correction",
    _Format.Code128: "strong",  # modulo 103
    _Format.Code93: "strong",  # two characters
    _Format.DataBar: "strong",  # modulo 79 or more
    _Format.EANUPC: "digit",
    _Format.Code39: "none",
    _Format.ITF: "none",  # or a digit, which a part of the code has by chance
    _Format.Codabar: "none",
}
_MATRIX = [
    _Format.QRCode,
    _Format.MicroQRCode,
    _Format.RMQRCode,
    _Format.DataMatrix,
    _Format.Aztec,
    _Format.MaxiCode,
    _Format.PDF417,
    _Format.MicroPDF417,
]
_LINEAR = [family for family, check in _CHECKS.items() if check != "correction"]
_EVERY = zxingcpp.BarcodeFormats([*_MATRIX, *_LINEAR])
_LEVEL_ONLY = zxingcpp.BarcodeFormats([*_LINEAR, _Format.PDF417, _Format.RMQRCode])
_ANGLES = 15, 30, 45, 60, 75  # degrees: codes that are read along level lines, within 8 degrees
_MAX_ENLARGED = 2_500_000  # px: of a larger picture, the codes are large enough
_MAX_TURNED = 2_000_000  # px: squares are turned at this size, for the time that it takes
_LEAST_SIDE = 12  # px: in a narrower strip no code lies aslant


def read_codes(rgb: np.ndarray, cancel: CancelToken | None = None) -> list[FoundCode]:
    """Return the codes in the picture (H×W×3, uint8), from the top; none when cancelled.

    Bars are taken when two readings of the picture, turned or enlarged, agree.
    """
    passes = []
    for readings in _readings(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)):
        if cancel and cancel.is_set():
            return []
        passes.append(readings)
    return agreed_codes(passes)


def _readings(grey: np.ndarray) -> Iterator[list[CodeReading]]:
    """Read the picture as it is, at another size, sharpened, inverted and turned."""
    scaled, zoom = _scaled(grey, 2.0 if grey.size <= _MAX_ENLARGED else 0.5)
    sharp = _sharpened(scaled, 2 * max(1.0, zoom[0, 0]))
    as_given = np.eye(3)
    yield _read(grey, as_given, _EVERY)
    yield _read(scaled, zoom, _EVERY)
    yield _read(sharp, zoom, _EVERY)
    yield _read(255 - grey, as_given, _LEVEL_ONLY)
    yield _read(255 - sharp, zoom, _LEVEL_ONLY)
    # turned by 45 degrees, a picture of w × h takes (w + h)² / 2
    factor = min(2.0, 2 * math.sqrt(_MAX_TURNED) / sum(grey.shape))
    if min(grey.shape) * factor < _LEAST_SIDE:
        return
    small, zoom = _scaled(grey, factor)
    for angle in _ANGLES:
        turned, matrix = _turned(small, angle)
        yield _read(turned, matrix @ zoom, _LEVEL_ONLY)


def _scaled(grey: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture at another size, and the 3×3 matrix from old to new pixels."""
    height, width = grey.shape
    size = max(1, round(width * factor)), max(1, round(height * factor))
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    matrix = np.diag([size[0] / width, size[1] / height, 1.0])
    return cv2.resize(grey, size, interpolation=how), matrix


def _sharpened(grey: np.ndarray, sigma: float) -> np.ndarray:
    soft = cv2.GaussianBlur(grey, (0, 0), sigma)
    return cv2.addWeighted(grey, 2.5, soft, -1.5, 0)


def _turned(grey: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture turned by degrees, whole, and the 3×3 matrix from old to new pixels."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    turned = cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return turned, np.vstack([matrix, [0, 0, 1]])


def _read(
    grey: np.ndarray, matrix: np.ndarray, formats: zxingcpp.BarcodeFormats
) -> list[CodeReading]:
    """Read codes of a picture that the 3×3 matrix made from the given one.

    QR codes that are seen and cannot be read come last, the largest first.
    """
    back = np.linalg.inv(matrix)
    readings, damaged = [], list[np.ndarray]()
    for found in zxingcpp.read_barcodes(
        np.ascontiguousarray(grey), formats=formats, return_errors=True
    ):
        place = found.position
        corners = place.top_left, place.top_right, place.bottom_right, place.bottom_left
        points = np.array([(corner.x, corner.y) for corner in corners], np.float32)
        given = cv2.transform(points[None], back[:2])[0].astype(np.float32)
        if not found.valid:
            if _is_damaged_qr(found) and looks_like_code(points, grey):
                damaged.append(given)
            continue
        check = _CHECKS[found.symbology]
        square = check == "correction" or is_square(points, grey)
        readings.append(CodeReading(kind_of(found), text_of(found), check, given, square))
    damaged.sort(key=cv2.contourArea, reverse=True)
    return [*readings, *(CodeReading("QR code", "", "damaged", quad, True) for quad in damaged)]


def _is_damaged_qr(found: zxingcpp.Barcode) -> bool:
    """Return True for a QR code with too many wrong modules; other kinds are seen in charts too."""
    error = found.error
    is_damaged = error is not None and error.type == zxingcpp.ErrorType.Checksum
    return is_damaged and found.symbology == _Format.QRCode
