"""Export an answer as one HTML page that opens anywhere, also without a network."""

from collections.abc import Sequence
from html import escape

from vlm_backends.media.exports.common import clean_regions
from vlm_backends.media.exports.svg import as_svg
from vlm_backends.media.palette import colours, css_colour
from vlm_backends.text import clean
from vlm_backends.types import Answer, Picture, Region

_MAX_LISTED = 500  # regions; the picture has all of them
# Nothing is loaded from elsewhere, and nothing runs, whatever a model has written.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = (
    ":root{color-scheme:light dark;font:1rem/1.6 system-ui,sans-serif}"
    "body{max-width:72rem;margin:auto;padding:1.5rem;display:grid;gap:1.5rem}"
    "svg{width:100%;height:auto;max-height:80vh}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:0}"
    "ol{columns:16rem;padding:0;list-style:none}li i{display:inline-block;width:.8em;height:.8em;"
    "margin-right:.5em}table{border-collapse:collapse}th,td{border:1px solid #8886;"
    "padding:.25rem .6rem;text-align:left}footer{font-size:.875rem;opacity:.8}"
)


def as_page(picture: Picture, answer: Answer, title: str = "What was found in a picture") -> str:
    """Return an HTML page with the picture, its regions, the words, the table, and who computed it.

    It holds all of its parts, and refers to nothing outside.
    """
    drawing = as_svg(picture, answer.regions)
    parts = [drawing, _words(answer), _list(answer.regions), _table(answer.rows)]
    note = f"<footer><p>{_text(answer.note)}</p></footer>" if answer.note else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{_text(title)}</h1>{''.join(filter(None, parts))}{note}</body></html>\n"
    )


def _text(words: str) -> str:
    return escape(clean(words))


def _words(answer: Answer) -> str:
    words = clean(answer.text).strip()
    return f"<pre>{escape(words)}</pre>" if words else ""


def _list(regions: Sequence[Region]) -> str:
    safe = clean_regions(regions)
    shades = colours([region.label for region in safe])
    items = "".join(
        f'<li><i style="background:{css_colour(shades[region.label])}"></i>'
        f"{escape(region.title) or 'region'}</li>"
        for region in safe[:_MAX_LISTED]
    )
    left = len(safe) - _MAX_LISTED
    more = f"<p>{left} more are in the picture.</p>" if left > 0 else ""
    return f"<section><ol>{items}</ol>{more}</section>" if items else ""


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head, *body = rows
    titles = "".join(f"<th>{_text(cell)}</th>" for cell in head)
    lines = "".join(
        f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in body
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"
