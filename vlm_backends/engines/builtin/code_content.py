"""Write the content of a code as plain text, with nothing hidden in it."""

import re

import zxingcpp

_Format, _Content = zxingcpp.BarcodeFormat, zxingcpp.ContentType
_SQUARES = {_Format.QRCode, _Format.DataMatrix, _Format.Aztec, _Format.MaxiCode}
_NO_CHECK_DIGIT = {"]A0", "]I0", "]F0"}  # of Code 39, ITF and Codabar, by ISO/IEC 15424
_SHOWN_BYTES = 16
_HALF_WIDTH_KANA = re.compile("[\x00-\x7f\uff61-\uff9f]*[\uff61-\uff9f][\x00-\x7f\uff61-\uff9f]*")
# Control characters, invisible spaces and joiners, and marks that turn the direction of writing
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]"
)


def kind_of(code: zxingcpp.Barcode) -> str:
    """Return a code's kind as people call it, such as "QR code" or "EAN-13 barcode"."""
    name = str(code.format)
    if code.format == _Format.EAN13 and code.text.startswith("0"):
        name = "UPC-A"  # the same bars
    if code.symbology in _SQUARES:
        return f"{name.removesuffix('Code').strip()} code"
    if code.symbology_identifier in _NO_CHECK_DIGIT:
        return f"{name} barcode (no check digit)"
    return f"{name} barcode"


def text_of(code: zxingcpp.Barcode) -> str:
    """Return a code's content as it is printed beside codes; what cannot be seen is spelled out.

    Bytes that are no text are counted, and the first of them written in hexadecimal digits.
    """
    if code.content_type == _Content.Binary:
        return visible(_decoded(code.bytes))
    if code.format == _Format.UPCE:
        extra = code.extra if isinstance(code.extra, dict) else {}
        return extra.get("UPCE", code.text)
    if code.format == _Format.EAN13 and code.text.startswith("0"):
        return code.text[1:]
    if _HALF_WIDTH_KANA.fullmatch(code.text) and code.symbology == _Format.QRCode:
        return _either(code)
    return visible(code.text)


def visible(text: str) -> str:
    """Return the text in one line: line ends are "↵", tabs "⇥", other hidden characters numbers.

    A mark that turns the direction of writing becomes "‹U+202E›".
    """
    shown = text.replace("\r\n", "↵").replace("\n", "↵").replace("\t", "⇥")
    return _HIDDEN.sub(lambda match: f"‹U+{ord(match[0]):04X}›", shown)


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        more = " …" if len(content) > _SHOWN_BYTES else ""
        return f"{len(content)} bytes that are no text: {content[:_SHOWN_BYTES].hex(' ')}{more}"


def _either(code: zxingcpp.Barcode) -> str:
    """Return both readings of bytes that are Western or Japanese: such a code does not say which.

    ISO-8859-1 is the standard's default, JIS X 0201 was it until 2000.
    """
    try:
        western = code.bytes.decode("iso-8859-1")
        if code.text.encode("shift-jis") != code.bytes or not western.isprintable():
            return visible(code.text)
    except UnicodeEncodeError:
        return visible(code.text)
    return f"{western} (or, in a code from Japan: {code.text})"
