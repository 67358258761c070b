"""The sample pictures that look like things seen or printed: sign, receipt, page, poster."""

import cv2
import numpy as np
from canvas import CORAL, FINE, GOLD, GREY, HERE, INK, NAVY, PAPER, RULE, SLATE, Canvas
from PIL import Image, ImageFilter, ImageOps

TIDES = [
    "Twice a day, along most of the coasts of the world, the sea rises and falls. A harbor full of "
    "boats at noon may be a field of mud by evening. This slow pulse is the tide, and the cause "
    "lies far from the shore: the pull of the Moon, with some help from the Sun.",
    "Gravity weakens with distance. The side of the Earth that faces the Moon is pulled a little "
    "more strongly than the center of the planet, and the far side a little less. The oceans "
    "respond by gathering into two shallow bulges, one right beneath the Moon and the other on the "
    "opposite side.",
    "As the planet turns, a beach is carried through both bulges. Each passage brings high water, "
    "and each long gap between them brings low water. Because the Moon moves along in orbit while "
    "we turn, a full cycle takes 24 hours and 50 minutes, so the tides arrive later each day.",
    "The Sun raises tides as well, a little less than half as strong. At new moon and at full moon "
    "the two pulls line up, and the range between high and low water is the greatest. These are "
    "spring tides. A week later they act at right angles, and the weaker neap tides follow.",
    "Coastlines shape the rest. In the Bay of Fundy, in Canada, a long funnel of water rocks in "
    "time with the Moon, and the sea can climb 16 meters. In the Mediterranean, nearly closed off "
    "from the ocean, most visitors never notice a tide at all.",
]
ITEMS = [
    ("Sourdough bread", "4.50"),
    ("Whole milk 1 L", "1.89"),
    ("Free range eggs 12", "3.95"),
    ("Tomatoes 0.850 kg", "2.72"),
    ("Cheddar cheese 250 g", "5.40"),
    ("Ground coffee 500 g", "8.75"),
    ("Dark chocolate 2 x 2.30", "4.60"),
]
BODY = 22  # size of the type on the printed page
TRAILS = [
    ("left", "Lake Loop", "2.4 km"),
    ("up", "Eagle Point", "5.1 km"),
    ("right", "Visitor Center", "0.8 km"),
]


def forest(rng, width, height):
    """Draw an out-of-focus wood: leaves as blurred discs, a pale path, lights between the trees."""
    w, h = width // 2, height // 2
    sky, moss = np.float32([196, 214, 190]), np.float32([64, 84, 48])
    rise = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** 0.7
    scene = np.ascontiguousarray(np.broadcast_to(sky * (1 - rise) + moss * rise, (h, w, 3)))
    for _ in range(700):
        x, y, glow = (
            rng.integers(w),
            int(rng.integers(h)),
            rng.uniform(0.55, 1.35) * (1.25 - 0.6 * rng.random()),
        )
        leaf = np.float32([96, 118, 62]) * glow + (1 - y / h) * 30
        cv2.circle(scene, (int(x), y), int(rng.integers(8, 34)), leaf.tolist(), -1)
    for x in (60, 150, 470, 575):
        cv2.line(
            scene,
            (x, 0),
            (x + int(rng.integers(-12, 12)), h),
            (62, 52, 40),
            int(rng.integers(10, 24)),
        )
    path = np.int32([[w * 0.30, h], [w * 0.47, h * 0.66], [w * 0.53, h * 0.66], [w * 0.86, h]])
    cv2.fillPoly(scene, [path], (176, 158, 122))
    scene = cv2.GaussianBlur(scene, (0, 0), 11)
    lights = np.zeros_like(scene)
    for _ in range(45):
        spot = int(rng.integers(w)), int(rng.integers(int(h * 0.55)))
        cv2.circle(
            lights,
            spot,
            int(rng.integers(5, 15)),
            (rng.uniform(25, 70) * np.float32([1, 1, 0.7])).tolist(),
            -1,
        )
    scene += cv2.GaussianBlur(lights, (0, 0), 1.6)
    return cv2.resize(scene, (width, height), interpolation=cv2.INTER_CUBIC)


def grain(rng, height, width, across):
    """Wood grain: noise stretched along one direction, about 1.0."""
    shape = (width // 90, height // 2) if across else (width // 2, height // 90)
    noise = rng.normal(1, 0.09, shape[::-1]).astype(np.float32)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def arrow(c, x, y, way, fill):
    shape = [(-34, 0), (-4, -27), (-4, -10), (34, -10), (34, 10), (-4, 10), (-4, 27)]
    turn = {"left": lambda a, b: (a, b), "right": lambda a, b: (-a, b), "up": lambda a, b: (b, a)}[
        way
    ]
    c.poly([(x + turn(a, b)[0], y + turn(a, b)[1]) for a, b in shape], fill)


def board():
    """The trail sign seen from straight ahead, as RGBA."""
    cream, brown = "#f6ecd2", "#5a3a22"
    c = Canvas(1280, 1100, (0, 0, 0, 0), "RGBA")
    for x in (250, 970):
        c.rect(x, 60, x + 62, 1100, "#6f5236", 8)
    c.rect(110, 130, 1170, 790, "#3b2614", 30)
    c.rect(116, 134, 1164, 782, brown, 26)
    c.rect(136, 154, 1144, 762, None, 18, cream, 3.5)
    c.text(640, 236, "PINE RIDGE PARK", 78, cream, "ms", 0.8, 5)
    c.line([(200, 276), (1080, 276)], cream, 3)
    for y, (way, name, far) in zip((372, 482, 592), TRAILS):
        arrow(c, 232, y - 22, way, "#f2c14e")
        c.text(310, y, name, 64, cream, bold=0.5)
        c.text(1080, y, far, 64, cream, "rs", 0.5)
    c.line([(200, 640), (1080, 640)], cream, 3)
    c.text(640, 712, "Stay on marked trails. Keep dogs on leash.", 40, cream, "ms", 0.4)
    for x, y in [(141, 178), (141, 738), (1138, 178), (1138, 738)]:
        c.disc(x, y, 9, "#b9a88a", "#2e1d10", 2)
    return np.asarray(c.finish()).astype(np.float32)


def sign():
    rng = np.random.default_rng(7)
    flat = board()
    wood = grain(rng, 1100, 1280, False)
    wood[130:790] = grain(rng, 660, 1280, True)
    flat[..., :3] *= wood[..., None]
    flat[..., :3] *= flat[..., 3:] / 255
    seen = np.float32([[92, 40], [1206, 92], [1178, 1010], [128, 1090]])
    turn = cv2.getPerspectiveTransform(
        np.float32([[0, 0], [1280, 0], [1280, 1100], [0, 1100]]), seen
    )
    front = cv2.warpPerspective(flat, turn, (1280, 960), flags=cv2.INTER_CUBIC)
    cover = np.clip(front[..., 3:] / 255, 0, 1)
    photo = forest(rng, 1280, 960) * (1 - cover) + front[..., :3]
    y, x = np.mgrid[-1:1:960j, -1:1:1280j].astype(np.float32)
    light = 1.10 - 0.10 * x - 0.12 * y - 0.15 * (x * x + y * y) ** 1.2
    photo = cv2.GaussianBlur(photo * light[..., None], (0, 0), 0.7)
    photo += cv2.GaussianBlur(rng.normal(0, 7, photo.shape).astype(np.float32), (0, 0), 0.6)
    Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8)).save(
        HERE / "sign.jpg", quality=86, optimize=True
    )


def receipt():
    c = Canvas(720, 1100, "#e9e6e0")
    teeth = [(60 + 15 * i, 1052 + 12 * (i % 2)) for i in range(41)]
    outline = [(60, 36), (660, 36)] + teeth[::-1]
    c.poly([(x + 5, y + 8) for x, y in outline], "#b9b4aa")
    c.image.paste(c.image.filter(ImageFilter.GaussianBlur(7 * FINE)))
    c.poly(outline, "#fefdfa")
    c.text(360, 112, "GREEN BASKET GROCERY", 35, INK, "ms", 0.7, 1)
    c.text(360, 152, "128 Maple Street, Springfield", 22, SLATE, "ms")
    c.text(360, 182, "Tel. (555) 010-4477", 22, SLATE, "ms")
    c.text(110, 242, "Date: 2026-03-14  10:42", 22)
    c.text(610, 242, "No. 004218", 22, anchor="rs")
    rows = [(278 + 42 * i, a, b, 26, 0) for i, (a, b) in enumerate(ITEMS, start=1)]
    rows += [
        (656, "Subtotal", "31.81", 26, 0),
        (698, "Sales tax 5%", "1.59", 26, 0),
        (770, "TOTAL", "$33.40", 42, 0.8),
        (826, "Cash", "40.00", 24, 0),
        (862, "Change", "6.60", 24, 0),
    ]
    for y, name, price, size, bold in rows:
        c.text(110, y, name, size, INK, "ls", bold)
        c.text(610, y, price, size, INK, "rs", bold)
    for y in (268, 608):
        for x in range(110, 610, 12):
            c.line([(x, y), (x + 6, y)], GREY, 1.5)
    c.line([(110, 720), (610, 720)], INK, 2)
    code = Image.fromarray(cv2.QRCodeEncoder.create().encode("VLM Showcase"))
    side = 6 * FINE * code.width
    dark = ImageOps.invert(code.resize((side, side), Image.Resampling.NEAREST))
    c.image.paste(INK, (98 * FINE, 880 * FINE), dark)
    c.text(268, 944, "Thank you", 32, INK, bold=0.6)
    c.text(268, 982, "for shopping with us!", 24, SLATE)
    c.save("receipt.png")


def column(c, x, y, width, lines):
    """Set justified lines (words, last) downwards from y."""
    for words, last in lines:
        gap = c.width(" ", BODY)
        if not last:
            gap = (width - sum(c.width(word, BODY) for word in words)) / (len(words) - 1)
        at = x
        for word in words:
            c.text(at, y, word, BODY, INK, bold=0.2)
            at += c.width(word, BODY) + gap
        y += 33 + 12 * last


def wrapped(c, text, width):
    line, lines = [], []
    for word in text.split():
        if line and c.width(" ".join(line + [word]), BODY) > width:
            lines.append((line, False))
            line = []
        line.append(word)
    return lines + [(line, True)]


def page():
    c = Canvas(1240, 1000, "#fdfcf8")
    c.text(90, 92, "THE COASTAL REVIEW", 22, CORAL, bold=0.7)
    c.text(1150, 92, "Spring issue, page 12", 22, SLATE, "rs", 0.2)
    c.line([(90, 112), (1150, 112)], INK, 2)
    c.text(87, 196, "Why the Sea Rises Twice a Day", 70, INK, bold=0.6)
    c.text(
        90,
        240,
        "The Moon, the Sun and the shape of the coast set the rhythm of the tides",
        25,
        SLATE,
    )
    c.line([(90, 268), (1150, 268)], RULE, 1.5)
    column(c, 90, 314, 500, [line for text in TIDES[:3] for line in wrapped(c, text, 500)])
    c.rect(650, 296, 1150, 508, "#eaf1f5", 8)
    c.oval(830, 395, 90, 57, "#8fc1dd")
    c.disc(830, 395, 50, NAVY)
    c.disc(1066, 395, 19, "#b9bfc6")
    c.line([(932, 395), (1034, 395)], SLATE, 2)
    c.poly([(1034, 395), (1020, 388), (1020, 402)], SLATE)
    c.text(830, 402, "Earth", 20, PAPER, "ms", 0.3)
    c.text(1066, 446, "Moon", 20, INK, "ms")
    c.text(900, 484, "Two bulges of water (not to scale)", 20, INK, "ms")
    column(c, 650, 557, 500, [line for text in TIDES[3:] for line in wrapped(c, text, 500)])
    c.save("page.png", 192, (1550, 1250))


def sunrise(c, stops):
    """Fill the canvas downwards with colors blended between (height, color) stops."""
    heights, colors = zip(*stops)
    rows = np.arange(c.image.height) / FINE
    blend = np.stack([np.interp(rows, heights, channel) for channel in zip(*colors)], -1)
    image = np.broadcast_to(blend[:, None], (c.image.height, c.image.width, 3))
    c.image.paste(Image.fromarray(image.round().astype(np.uint8)))


def ridge(c, rng, base, rough, peaks, color):
    """A mountain chain through the given peaks, with small jags, filled to the bottom."""
    x = np.arange(0, 901, 12)
    y = np.interp(x, *zip(*peaks)) + rng.uniform(-rough, rough, len(x))
    c.poly([(-20, base), *zip(x.tolist(), y.tolist()), (920, base)], color)


def poster():
    rng = np.random.default_rng(3)
    c = Canvas(900, 1200)
    sunrise(
        c, [(0, (24, 45, 92)), (330, (94, 76, 130)), (560, (231, 111, 81)), (740, (246, 196, 120))]
    )
    for r, color in [(210, "#f08a5a"), (178, "#f4a261"), (146, "#ffd97a")]:
        c.disc(450, 610, r, color)
    far = [(0, 640), (130, 545), (270, 655), (430, 720), (610, 640), (750, 520), (900, 650)]
    ridge(c, rng, 1200, 5, far, "#8c5a86")
    ridge(
        c,
        rng,
        1200,
        5,
        [(0, 730), (160, 690), (330, 770), (520, 705), (690, 760), (900, 660)],
        "#5b4579",
    )
    ridge(c, rng, 1200, 2, [(0, 840), (220, 800), (480, 850), (700, 815), (900, 850)], "#2f3566")
    c.oval(450, 1165, 700, 285, "#17294f")
    c.rect(0, 1010, 900, 1200, "#17294f")
    c.bike(450, 822, 1.02, "#fdf3dc", 8)
    c.text(450, 112, "12TH ANNUAL", 36, GOLD, "ms", 0.6, 8)
    c.text(450, 248, "PEDAL FEST", 134, "#fdf3dc", "ms", 0.9, 2)
    c.text(450, 326, "Bikes, bands and big mountains", 46, "#ffc9a3", "ms", 0.4)
    c.text(450, 994, "SATURDAY 13 JUNE 2026", 54, GOLD, "ms", 0.8, 2)
    c.text(450, 1056, "Harbor Park, 10 am to 8 pm", 40, "#fdf3dc", "ms", 0.2)
    c.rect(310, 1092, 590, 1156, CORAL, 32)
    c.text(450, 1125, "FREE ENTRY", 34, PAPER, "mm", 0.7, 3)
    c.save("poster.jpg")
