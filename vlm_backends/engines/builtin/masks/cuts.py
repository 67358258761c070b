"""Cut a thing out of its box in several ways, at a small size.

No single way is best for all pictures: GrabCut (Rother, Kolmogorov and Blake, 2004) depends on
what it takes for the thing at first, watersheds follow edges where colours do not part, and for
people a network says where they are.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from vlm_backends.engines.builtin.masks.windows import BoxWindow, colour_cells

_ROUNDS = 2  # of GrabCut; more change little at this size
_WIDE, _INNER, _CORE, _SEED = 0.9, 0.8, 0.35, 0.3  # ellipses in the box, as shares of its sides
_BASINS = 0.3, 0.5, 0.75  # ellipses that watersheds rise from
_SURELY, _LIKELY, _HARDLY = 0.9, 0.5, 0.05  # probability that a pixel is a person's
_COMMON = 0.1  # of what is around the box
_BAND = 2.0  # px of the small mask: so far from its border the larger one may be
_ENLARGED = 1.3  # from there on it is worth the work
_NO_BOX = 0, 0, 0, 0  # GrabCut begins with labels instead
_MIN_PART = 0.1  # of the largest part: smaller ones are specks


def candidates(window: BoxWindow, person: np.ndarray | None = None) -> list[np.ndarray]:
    """Return bool masks (h×w) of what may be the thing in the window's box; the last is their vote.

    `person` says how likely each pixel is a person's (h×w, 0..1), where the thing is one. The
    masks are the same each time.
    """
    possible = window.inside
    if person is not None:
        possible &= person > _HARDLY
    masks = [*_by_colour(window, possible), *_by_edges(window, possible)]
    if person is not None:
        masks += _by_network(window, person)
    masks.append(np.mean(masks, axis=0) > 0.5)
    return [_without_specks(mask) for mask in masks]


def enlarged(mask: np.ndarray, window: BoxWindow) -> np.ndarray:
    """Return a mask at the size of a larger window of the same part; its border is cut anew."""
    height, width = window.rgb.shape[:2]
    scale = width / mask.shape[1]
    large = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    inside = large > 0.5
    if scale < _ENLARGED:
        return inside
    reach = 2 * round(_BAND * scale) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.erode(inside.astype(np.uint8), kernel) > 0] = cv2.GC_FGD
    labels[cv2.dilate(inside.astype(np.uint8), kernel) == 0] = cv2.GC_BGD
    cut = _grab_cut(_smooth(window.rgb), labels, rounds=1)
    return cv2.medianBlur(cut.astype(np.uint8), 3) > 0


def _by_colour(window: BoxWindow, possible: np.ndarray) -> Iterator[np.ndarray]:
    """Yield what GrabCut finds from several beginnings, in the picture and in a smooth copy."""
    smooth = _smooth(window.rgb)
    whole = np.where(possible, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    unlike = possible & ~_common_outside(window)
    cored = np.where(unlike & _ellipse(window, _CORE), cv2.GC_FGD, whole)
    seeded = _ringed(window, possible, _INNER)
    seeded[unlike & _ellipse(window, _SEED)] = cv2.GC_FGD
    for labels in (whole, _ringed(window, possible, _WIDE), cored, seeded):
        yield _grab_cut(window.rgb, labels)
    for labels in (cored, seeded):
        yield _grab_cut(smooth, labels)


def _common_outside(window: BoxWindow) -> np.ndarray:
    """Return the pixels (bool, h×w) whose colour is common around the box.

    They may be a hole or a gap, and are not taken for the thing beforehand.
    """
    cells = colour_cells(window.rgb)
    outside = np.bincount(cells[~window.inside], minlength=4096)
    return (outside >= _COMMON * max(1, outside.sum()))[cells]


def _by_edges(window: BoxWindow, possible: np.ndarray) -> Iterator[np.ndarray]:
    """Yield what lies behind edges around the middle of the box."""
    blurred = cv2.GaussianBlur(window.rgb, (0, 0), 1)
    for share in _BASINS:
        markers = np.where(possible, 0, 1).astype(np.int32)
        markers[possible & _ellipse(window, share)] = 2
        cv2.watershed(blurred, markers)
        yield markers == 2


def _by_network(window: BoxWindow, person: np.ndarray) -> list[np.ndarray]:
    """Return where the network sees a person, as it is and cut anew by colour."""
    box = window.inside
    labels = np.where(box & (person > _HARDLY), cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    labels[box & (person > _LIKELY)] = cv2.GC_PR_FGD
    anywhere = labels.copy()
    anywhere[box & (person > _SURELY)] = cv2.GC_FGD
    labels[(labels == cv2.GC_PR_FGD) & ~_ellipse(window, _WIDE)] = cv2.GC_PR_BGD
    labels[(person > _SURELY) & _ellipse(window, 0.5)] = cv2.GC_FGD
    return [
        _grab_cut(window.rgb, anywhere),
        _grab_cut(_smooth(window.rgb), labels),
        box & (person > _LIKELY),
    ]


def _ringed(window: BoxWindow, possible: np.ndarray, share: float) -> np.ndarray:
    """Return labels: the ellipse is probably the thing, the box's corners probably not."""
    labels = np.where(possible, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    labels[possible & _ellipse(window, share)] = cv2.GC_PR_FGD
    return labels


def _ellipse(window: BoxWindow, share: float) -> np.ndarray:
    """Return a bool mask (h×w) of an ellipse in the middle of the box."""
    left, top, right, bottom = window.box
    y, x = np.ogrid[: window.rgb.shape[0], : window.rgb.shape[1]]
    wide, high = max((right - left) * share / 2, 0.5), max((bottom - top) * share / 2, 0.5)
    middle = (left + right - 1) / 2, (top + bottom - 1) / 2
    return ((x - middle[0]) / wide) ** 2 + ((y - middle[1]) / high) ** 2 <= 1


def _smooth(rgb: np.ndarray) -> np.ndarray:
    """Return the picture in CIELAB, without its texture."""
    return cv2.cvtColor(cv2.bilateralFilter(rgb, 5, 40, 4), cv2.COLOR_RGB2LAB)


def _grab_cut(pixels: np.ndarray, labels: np.ndarray, rounds: int = _ROUNDS) -> np.ndarray:
    """Return what GrabCut takes for the thing (bool, h×w), beginning with these labels."""
    cv2.setRNGSeed(1)  # of this thread: the same each time, whoever else cuts
    labels = labels.astype(np.uint8)
    thing = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if thing.all() or not thing.any():
        return thing
    models = np.zeros((1, 65)), np.zeros((1, 65))  # of background and thing, to be filled
    cv2.grabCut(pixels, labels, _NO_BOX, *models, rounds, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _without_specks(mask: np.ndarray) -> np.ndarray:
    """Return the mask's large parts."""
    smooth = cv2.medianBlur(mask.astype(np.uint8), 3)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(smooth)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # what is no part
    return (areas >= max(1.0, _MIN_PART * areas.max()))[parts]
