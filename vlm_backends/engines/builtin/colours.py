"""Measure the size and the colours of a picture, and name them."""

import cv2
import numpy as np

from vlm_backends.engines.builtin.colour_names import FAMILIES, families, to_oklab

_SIDE = 640  # px: the longer side at which colours are smoothed; fine black print stays black
_EACH = 4  # px: one in so many is counted, both ways, at random: fine stripes would show one colour
_FEW = 100  # px: of a smaller picture, each pixel is counted
_GRAIN = 3  # px: specks of noise that are smoothed away before
_STEP = 0.05  # shares are told to this: where one colour ends and the next begins is no exact thing
_MOST = 4  # colours named
_LARGE = 0.15  # without a colour of this share, there are many
_ALL = 0.998  # a share that is less is not called all: that little may be a thing
_FINE = 0.2  # in OKLab, where white is 1 from black: grain is less, a thin line's middle more
_GAP = 0.25  # of the smaller of two tones: fewer pixels between them make them two colours
_TONES = {  # OKLab's lightness below which a family is called dark, above which light
    "grey": (0.45, 0.80),
    "red": (0.44, 1.0),
    "pink": (0.52, 0.86),
    "orange": (0.0, 0.86),
    "brown": (0.36, 0.62),
    "yellow": (0.0, 0.975),
    "green": (0.44, 0.80),
    "teal": (0.36, 1.0),
    "turquoise": (0.0, 0.92),
    "blue": (0.38, 0.76),
    "purple": (0.38, 0.76),
}
# a bright colour and the name of its shade: yellow in shadow looks olive, orange looks brown
_SHADES = ("yellow", "olive"), ("green", "olive"), ("orange", "brown"), ("turquoise", "teal")
_LIT = 0.3  # of a shaded thing: it is called by its bright side
_MAX_STEP = 0.03  # of lightness: two things of different colours are further apart
_MAX_TURN = 20.0  # degrees of hue
_DARK, _PLAIN, _LIGHT = 0, 1, 2
_WORDS = "dark ", "", "light "


def size_and_colours(rgb: np.ndarray) -> str:
    """Say the size in pixels and the colours of a picture (H×W×3, uint8) in a sentence each."""
    height, width = rgb.shape[:2]
    named = colours(rgb)
    said = [f"{name} {share:.0%}" for name, share in named]
    rest = round(1 - sum(share for _, share in named), 2)
    if named and rest:
        # the named shares are rounded: what is one step may be nearly two, or next to nothing
        said.append(f"others {rest:.0%}" if rest > _STEP else f"others under {2 * _STEP:.0%}")
    return f"{width} × {height} px. Colours: {', '.join(said) or 'many, none of them large'}."


def colours(rgb: np.ndarray) -> list[tuple[str, float]]:
    """Return the named colours of the pixels (H×W×3, uint8) with their shares, rounded to 0.05.

    The largest come first, four at most. Those below 0.05 are left out, and a share is 1 only where
    there are none; when none is as large as 0.15, the list is empty. Light and dark pixels of a
    colour are one when its shades lead from one to the other.
    """
    small = _small(rgb)
    lab = to_oklab(_sampled(cv2.medianBlur(small, _GRAIN))).reshape(-1, 3)
    owners = _with_shades(lab, families(lab))
    shares: list[tuple[str, float]] = []
    for index in np.unique(owners):
        shares += _tones(FAMILIES[index], lab[owners == index, 0], len(lab))
    shares.sort(key=lambda item: -item[1])
    if shares[0][1] >= _ALL and _has_fine_things(to_oklab(_sampled(small)).reshape(-1, 3), lab):
        return [(shares[0][0], 1 - _STEP)]
    return _rounded(shares) if shares[0][1] >= _LARGE else []


def _has_fine_things(lab: np.ndarray, smooth: np.ndarray) -> bool:
    """Return True when thin lines or print were smoothed away (N×3 before and after, OKLab)."""
    return bool((np.linalg.norm(lab - smooth, axis=1) > _FINE).mean() > 1 - _ALL)


def _with_shades(lab: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Return the owners (N), where a bright colour takes the darker name of its own shade."""
    owners = owners.copy()
    for bright, dark in _SHADES:
        lit, shaded = owners == FAMILIES.index(bright), owners == FAMILIES.index(dark)
        if not (lit.any() and shaded.any() and _is_shading(lab[lit], lab[shaded])):
            continue
        both = lit | shaded
        owners[both] = FAMILIES.index(bright if lit.sum() >= _LIT * both.sum() else dark)
    return owners


def _is_shading(lit: np.ndarray, shaded: np.ndarray) -> bool:
    """Return True when one hue runs from light to dark (N×3 and M×3, OKLab) without a step."""
    step = np.percentile(lit[:, 0], 10) - np.percentile(shaded[:, 0], 90)
    (a, b), (c, d) = lit[:, 1:].mean(0), shaded[:, 1:].mean(0)
    turn = np.degrees(np.arctan2(a * d - b * c, a * c + b * d))
    return bool(step <= _MAX_STEP and abs(turn) <= _MAX_TURN)


def _small(rgb: np.ndarray) -> np.ndarray:
    """Return the picture small; its colours stay those of its things."""
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _sampled(small: np.ndarray) -> np.ndarray:
    """Return one pixel of each few, the same places for each picture of a size."""
    each = max(1, min(_EACH, max(small.shape[:2]) // _FEW))
    y, x = (np.arange(0, side, each) for side in small.shape[:2])
    somewhere = np.random.default_rng(0).integers(0, each, (2, len(y), len(x)))
    rows, columns = y[:, None] + somewhere[0], x[None] + somewhere[1]
    return small[np.minimum(rows, small.shape[0] - 1), np.minimum(columns, small.shape[1] - 1)]


def _tones(family: str, lightness: np.ndarray, total: int) -> list[tuple[str, float]]:
    """Return one family's names and shares: dark and light apart only with little between them."""
    low, high = _TONES.get(family, (0.0, 1.0))
    counts = np.bincount(
        np.where(lightness < low, _DARK, np.where(lightness > high, _LIGHT, _PLAIN)), minlength=3
    )
    whole = int(counts.sum())
    if counts[_PLAIN] < _GAP * min(counts[_DARK], counts[_LIGHT]):
        dark, light = int(counts[_DARK]), whole - int(counts[_DARK])
        return [(f"dark {family}", dark / total), (f"light {family}", light / total)]
    tone = int(counts.argmax()) if 2 * counts.max() > whole else _PLAIN
    return [(_WORDS[tone] + family, whole / total)]


def _rounded(shares: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the largest shares, rounded so that they never add up to more than 1."""
    named, told, exact = [], 0, 0.0
    for name, share in shares[:_MOST]:
        if share < _STEP:
            break
        exact += share
        steps = _steps(exact) - told
        told += steps
        if steps:
            named.append((name, round(steps * _STEP, 2)))
    return sorted(named, key=lambda item: -item[1])


def _steps(share: float) -> int:
    """Round a share to steps; only what is all of a picture gets them all."""
    steps, most = round(share / _STEP), round(1 / _STEP)
    return steps if share >= _ALL else min(steps, most - 1)
