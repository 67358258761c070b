"""Find the colours that lines and areas are drawn in, and which pixels each one covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.covered_lines import SAME_COLOUR, seen_in_print
from vlm_backends.media.geometry import Box

# distances between colours in RGB, 0..441
_INK = 28.0  # what is nearer to the ground is ground
_SAME_GROUND = 10.0  # what is nearer has the ground's own colour
_GROUND_SHARE = 0.12  # of the usual share of ground: a row or column with less is outside
_PEAK = 0.82  # of the strongest ink within two pixels: the middle of a stroke
_MIX = 0.3, 16.0  # share of a colour's strength and distance: how far a mix may be off
_GRID_COLOUR = 34.0  # what is farther from a grid line's colour is drawn over it
_GREY = 36  # between the channels of a colour: what differs less is no colour

_ONE_STROKE = 60.0  # distance in CIELAB of what is one colour when it lies within the same stroke
_WITHIN = 0.55  # of the pixels of a colour that lie beside the stronger one
_GRID_SHARE = 0.5  # of a row or column of the plot that a grid line or frame covers
_MIN_GRID = 0.08  # and the least of it that is seen beside an area
_GRID_WIDTH = 4  # px: thicker ones are no grid lines
_PALER = 0.45, 1.6  # times the other's strength: a mix with the ground, or what it was mixed from
_ONE_HUE = 0.99  # cosine between the directions of two colours from the ground
_BESIDE = 0.3  # of a shade's columns that the other colour has too
_MIN_COLUMNS = 0.06  # of the plot's width: what spans less is no series
_MAX_COLOURS = 12


@dataclass(frozen=True)
class Window:
    """The part of a picture in which a chart is drawn; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Stroke:
    """One colour of a drawing: how much of it each pixel of the window has, 0..1."""

    colour: np.ndarray  # RGB
    cover: np.ndarray  # H×W of the window
    is_grey: bool

    @property
    def columns(self) -> np.ndarray:
        """Return which columns hold some of it."""
        return np.asarray((self.cover > 0.4).any(axis=0))


@dataclass(frozen=True)
class Drawing:
    """The strokes of a window, on what ground they are drawn, and what print hides."""

    window: Window
    ground: np.ndarray  # RGB
    strokes: tuple[Stroke, ...]
    hidden: np.ndarray  # bool, H×W: under print


class HiddenBox(NamedTuple):
    """A box of print: all of it is print, or only what is black or grey."""

    box: Box  # in pixels of the picture
    is_all: bool
    is_over_lines: bool = False  # what of it is a line that goes on outside stays


def is_coloured(colour: np.ndarray) -> bool:
    """Return True for an RGB colour that is neither black, grey nor white."""
    return float(np.max(colour) - np.min(colour)) >= _GREY


def find_strokes(
    rgb: np.ndarray, window: Window, inside: Window, print_boxes: Sequence[HiddenBox]
) -> Drawing:
    """Return the colours that are drawn in a window of a picture (H×W×3, uint8).

    `inside` is a part in which the ground of the plot is the most frequent colour. `print_boxes`
    hold print, which is no drawing.
    """
    window, ground = _on_ground(rgb, window, inside)
    part = rgb[window.top : window.bottom, window.left : window.right]
    delta = part.astype(np.float32) - ground
    strength = np.linalg.norm(delta, axis=2)
    hidden = np.zeros(strength.shape, bool)
    channels = part.astype(np.int16)
    grey = channels.max(axis=2) - channels.min(axis=2) < _GREY
    over: list[tuple[slice, slice]] = []
    for box, is_all, is_over_lines in print_boxes:
        left, top, right, bottom = (round(side) for side in box)
        rows = slice(max(0, top - window.top), max(0, bottom - window.top))
        columns = slice(max(0, left - window.left), max(0, right - window.left))
        hidden[rows, columns] |= True if is_all else grey[rows, columns]
        over += [(rows, columns)] if is_over_lines else []
    ink = (strength > _INK) & ~hidden
    upright = _grid_rows(part.swapaxes(0, 1), ink.T, hidden.T).T
    ink &= ~(_grid_rows(part, ink, hidden) | upright)
    peaks = _peaks(strength, ink)
    colours = _stroke_colours(part, peaks, strength, ground)
    seen = seen_in_print(part, over, colours) & hidden
    if seen.any():
        ink, hidden = ink | seen, hidden & ~seen
        peaks = _peaks(strength, ink)
    strokes = _covers(part, delta, ink, peaks, colours, ground)
    return Drawing(window, ground, tuple(strokes), hidden)


def _peaks(strength: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return the pixels (bool, H×W) of ink that are the middles of strokes."""
    strongest = cv2.dilate(strength * ink, np.ones((5, 5)))
    return ink & (strength >= _PEAK * strongest)


def lab_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the distance of two RGB colours in CIELAB (0..255 each)."""
    pair = cv2.cvtColor(np.array([[one, other]], np.uint8), cv2.COLOR_RGB2LAB).astype(np.float32)
    return float(np.linalg.norm(pair[0, 0] - pair[0, 1]))


def _on_ground(rgb: np.ndarray, window: Window, inside: Window) -> tuple[Window, np.ndarray]:
    """Return the part of a window that has the colour of its ground, and that colour.

    Around a plot on a coloured ground, the picture often has another one.
    """
    part = rgb[window.top : window.bottom, window.left : window.right]
    middle = rgb[inside.top : inside.bottom, inside.left : inside.right]
    ground = most_frequent(middle.reshape(-1, 3), 4).astype(np.float32)
    near = np.linalg.norm(part.astype(np.float32) - ground, axis=2) < _SAME_GROUND
    rows = np.flatnonzero(near.mean(axis=1) > _GROUND_SHARE * near.mean())
    columns = np.flatnonzero(near.mean(axis=0) > _GROUND_SHARE * near.mean())
    left, top = window.left + int(columns[0]), window.top + int(rows[0])
    right, bottom = window.left + int(columns[-1]) + 1, window.top + int(rows[-1]) + 1
    return Window(left, top, right, bottom), ground


def most_frequent(pixels: np.ndarray, cell: int) -> np.ndarray:
    """Return the most frequent colour (3,) of pixels (N×3).

    Those of one cell, which has so many levels a channel, count as one colour; it is their median.
    """
    keys = (pixels // cell).astype(np.int64) @ np.array([65536, 256, 1])
    values, counts = np.unique(keys, return_counts=True)
    return np.median(pixels[keys == values[counts.argmax()]], axis=0)


def _grid_rows(part: np.ndarray, ink: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Return the pixels (bool, H×W) of thin straight grey lines across the whole window.

    Lines and areas of a plot that lie over them have another colour, and stay.
    """
    channels = part.astype(np.int16)
    grey = ink & (channels.max(axis=2) - channels.min(axis=2) < _GREY)
    free = np.maximum(1, ink.shape[1] - (hidden | ink & ~grey).sum(axis=1))
    share = np.where(grey.mean(axis=1) > _MIN_GRID, grey.sum(axis=1) / free, 0)
    mask = np.zeros(ink.shape, bool)
    full = share > _GRID_SHARE
    edges = np.flatnonzero(np.diff(np.concatenate([[0], full.astype(np.int8), [0]])))
    for start, end in zip(edges[::2], edges[1::2]):
        if end - start > _GRID_WIDTH:
            continue
        for y in range(max(0, start - 1), min(len(ink), end + 1)):
            if grey[y].any():
                colour = np.median(part[y][grey[y]], axis=0)
                mask[y] = grey[y] & (np.linalg.norm(part[y] - colour, axis=1) < _GRID_COLOUR)
    return mask


def _stroke_colours(
    part: np.ndarray, peaks: np.ndarray, strength: np.ndarray, ground: np.ndarray
) -> list[list[np.ndarray]]:
    """Return the colours (RGB) of the middles of strokes, each with its paler shades behind it.

    Shades within one stroke count once, and so does one that only continues another: where a thin
    line is level, it may lie between two rows of pixels.
    """
    if not peaks.any():
        return []
    lab = cv2.cvtColor(part, cv2.COLOR_RGB2LAB).astype(np.float32)
    least = max(12, _MIN_COLUMNS * part.shape[1])
    groups: list[tuple[np.ndarray, np.ndarray, float]] = []  # colour, its pixels, its strength
    for colour, centre in _frequent(lab, part, peaks, least):
        mask = peaks & (np.linalg.norm(lab - centre, axis=2) < SAME_COLOUR)
        if mask.any(axis=0).sum() >= least * 0.5:
            groups.append((colour, mask, float(np.median(strength[mask]))))
    groups.sort(key=lambda group: -group[1].sum() * group[2])
    kept: list[tuple[list[np.ndarray], np.ndarray, float]] = []
    for colour, mask, power in groups:
        if any(_is_within(colour, mask, own[0], theirs) for own, theirs, _ in kept):
            continue
        shade_of = [one for one in kept if _continues(colour, mask, (one[0][0], one[1]), ground)]
        if len(shade_of) == 1:
            shade_of[0][0].append(colour)
        else:
            kept.append(([colour], mask, power))
    return [shades for shades, _, _ in kept[:_MAX_COLOURS]]


def _continues(
    colour: np.ndarray,
    mask: np.ndarray,
    other: tuple[np.ndarray, np.ndarray],
    ground: np.ndarray,
) -> bool:
    """Return True for a mix of another colour with the ground that occurs beside it only."""
    mine, theirs = colour - ground, other[0] - ground
    powers = np.linalg.norm(mine), np.linalg.norm(theirs)
    if not _PALER[0] * powers[1] < powers[0] < _PALER[1] * powers[1]:
        return False
    columns, their_columns = mask.any(axis=0), other[1].any(axis=0)
    both = float((columns & their_columns).sum()) / max(1, columns.sum())
    return float(mine @ theirs) > _ONE_HUE * powers[0] * powers[1] and both < _BESIDE


def _frequent(lab: np.ndarray, part: np.ndarray, peaks: np.ndarray, least: float):
    """Yield the frequent colours of peaks, in RGB and in CIELAB, the most frequent first."""
    at_peaks, colours = lab[peaks], part[peaks]
    free = np.ones(len(at_peaks), bool)
    for _ in range(3 * _MAX_COLOURS):
        if free.sum() < least:
            return
        centre = most_frequent(at_peaks[free], 6)
        near = free & (np.linalg.norm(at_peaks - centre, axis=1) < SAME_COLOUR)
        if not near.any():
            return
        if near.sum() >= least:
            yield np.median(colours[near], axis=0), centre
        free &= ~near


def _is_within(
    colour: np.ndarray, mask: np.ndarray, their_colour: np.ndarray, their_mask: np.ndarray
) -> bool:
    """Return True for a shade that occurs beside a stronger colour only, in the same stroke."""
    pair = np.array([[colour, their_colour]], np.uint8)
    shades = cv2.cvtColor(pair, cv2.COLOR_RGB2LAB).astype(np.float32)[0]
    if np.linalg.norm(shades[0] - shades[1]) > _ONE_STROKE:
        return False
    beside = cv2.dilate(their_mask.astype(np.uint8), np.ones((5, 5))) > 0
    return float(beside[mask].mean()) > _WITHIN


def _covers(
    part: np.ndarray,
    delta: np.ndarray,
    ink: np.ndarray,
    peaks: np.ndarray,
    colours: Sequence[Sequence[np.ndarray]],
    ground: np.ndarray,
) -> list[Stroke]:
    """Return the stroke of each colour: a pixel belongs to the colour of the peak beside it."""
    if not colours:
        return []
    owner = _owners(part, peaks, colours)
    strokes = []
    for k, shades in enumerate(colours):
        colour = max(shades, key=lambda shade: float(np.linalg.norm(shade - ground)))
        direction = colour.astype(np.float32) - ground
        power = float(np.linalg.norm(direction))
        share = delta @ direction / power**2
        off = np.linalg.norm(delta - share[..., None] * direction, axis=2)
        mixed = off < _MIX[0] * power + _MIX[1]
        cover = np.where(ink & mixed & (owner == k), np.clip(share, 0, 1), 0)
        strokes.append(Stroke(colour, cover.astype(np.float32), not is_coloured(colour)))
    return strokes


def _owners(
    part: np.ndarray, peaks: np.ndarray, colours: Sequence[Sequence[np.ndarray]]
) -> np.ndarray:
    """Return, for each pixel (H×W), the number of the colour at the nearest peak; -1 far away."""
    palette = np.array([[shade for shades in colours for shade in shades]], np.uint8)
    owner = np.array([k for k, shades in enumerate(colours) for _ in shades])
    tones = cv2.cvtColor(palette, cv2.COLOR_RGB2LAB).astype(np.float32)[0]
    lab = cv2.cvtColor(part, cv2.COLOR_RGB2LAB).astype(np.float32)
    distance = np.stack([np.linalg.norm(lab - shade, axis=2) for shade in tones])
    nearest = owner[distance.argmin(axis=0)]
    named = peaks & (distance.min(axis=0) < 2 * SAME_COLOUR)
    away, labels = cv2.distanceTransformWithLabels(
        (~named).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.full(int(labels.max()) + 1, -1)
    by_label[labels[named]] = nearest[named]
    return np.where(away <= 3, by_label[labels], -1)
