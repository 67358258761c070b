"""Name colours as people name them, by the nearest of many examples in OKLab.

OKLab is a space in which equal distances look about equally large (Björn Ottosson, 2020,
https://bottosson.github.io/posts/oklab/). The examples lie where a survey of 200,000 people
(xkcd, 2010, https://blog.xkcd.com/2010/05/03/color-survey-results/) and CSS agree on the family.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

_EXAMPLES: Mapping[str, str] = {  # by family: sRGB in hexadecimal digits
    "black": "000000 0d0d0d 1a1a1a 12100e 0e1014 1b1714",
    "grey": "333333 4d4d4d 666666 808080 999999 b3b3b3 cccccc d8d8d8 8a8680 7d838a 4a4744 454a50 "
    "b0aca6 a9b0b6 a8aca6 5c5a57 9a9aa5",
    "white": "ffffff f5f5f5 ebebeb f8f6f0 f0f4f8 faf5ee f2efea",
    "red": "ff0000 e50000 c8191e b22222 a0140f 8b0000 650000 dc143c c0392b 980002 d73c32 e8372c "
    "7b1c1c 4a0d0d c7352f 840020 fa3c3c cf4a42 a8322a",
    "pink": "ffc0cb ff81c0 ff69b4 ff1493 f7a8b8 e75480 d98695 cb7a8a ffb6c1 fadadd de5d83 cb0162 "
    "fe01b1 d90166 ff8fa3 f4c2c2 ff7c80 e0709c c4607c f0b6d0 d5a0ad fa8ca0 ec3a8b",
    "orange": "ffa500 ff8c00 ff7f0e f97306 ff6a1f e8731a f28c28 ffb347 ed7117 e25822 ff7f50 fdaa48 "
    "fb8b24 e0571f d9622b f4a042 e9822e ffa066",
    "brown": "653700 8b4513 a0522d 6f4e37 5c4033 4b2e1a 7b5a3a 964b00 3b2314 a5744a 8a6642 855e42 "
    "9c6b3f 53382b b5793f 6b4c3a 714a33 3f2a20 a86f3d b0703a 7a4a2a 85604a",
    "beige": "f5f5dc e6daa6 d2b48c e1c699 f5deb3 faebd7 dcc8aa c8b496 ffe4c4 e8d5b7 d8c3a5 ffdab9 "
    "c9b18f ead9c6 cbb08a c2a27c f3e3cf e9c9a4 fbe5c8",
    "yellow": "ffff00 ffff14 ffd700 fde74c f4d03f ffef5a ffffa0 e8c11c f5e663 fff44f ffda03 d9b611 "
    "b59410 efc62c f0e68c fffacd ffe135 e3c71f f6e27f fcd94a ffe9a0",
    "olive": "808000 6b6b1a 6b8e23 556b2f 9a9a3c 7a7a28 4a4a10 8b8b3a 5a5a1e a19a3f 8f8430 75702a",
    "green": "008000 15b01a 2ca02c 00ff00 90ee90 228b22 006400 3cb371 7cb342 9acd32 7fff00 2e8b57 "
    "98fb98 4caf50 a8c686 13361a 1f4d2b 3a7d44 b5d99c 5f9f5f 8fbc8f 66785f c8f0c0 6b8f71 0a5c36 "
    "a4d65e 76b041 35523a 4f6b45 00c853 7a9a6a 22331f 9bb08c 465a3c adff2f",
    "teal": "008080 029386 0f7173 2f8f8f 00555a 1d6a6a 3d8b85 0a4d4d 5a9a98 01706b",
    "turquoise": "40e0d0 06c2ac 00ffff 7fffd4 48d1cc 00ced1 13eac9 20b2aa 5fd3d0 a0e8e0 afeeee "
    "04d8b2 30bfbf c4f2ee 7ad0cd",
    "blue": "0000ff 0343df 1f77b4 4169e1 87ceeb add8e6 6495ed 1e90ff 000080 191970 00008b 4682b4 "
    "5b8db8 2c3e70 3b5b92 a7c7e7 c5ddf2 7a9cc6 1a2a4a 0f1a3a 2b4a6f 5d7a99 95d0fc 0a84ff 75bbfd "
    "6a8caf 26415f 4f6f8f 0b3d91 8fb3d9 00bfff c6fcff 93a9c9 3d4f7c 6f86b5 d4e6fa",
    "purple": "800080 7e1e9c 9467bd 6a0dad 4b0082 8a2be2 663399 9370db b19cd9 c8a2c8 dda0dd 9b59b6 "
    "5e3370 301a4b e6e6fa 7d5a8c 8e6fa8 735c99 cdb4db a98bc2 6b3fa0 421c52 9f7fc0 bf77f6 b57edc "
    "4f3a63 5b2c6f be03fd cb00f5 bc13fe edc8ff f0d0fb",
    "magenta": "ff00ff c20078 d62fb0 e040c8 cc00cc b5179e fb5ffc f04bd8",
}
FAMILIES = tuple(_EXAMPLES)
COLOURLESS = "black", "grey", "white"
_LIGHTNESS_WEIGHT = 0.75  # shading changes a thing's lightness more than its hue
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def to_oklab(rgb: np.ndarray) -> np.ndarray:
    """Convert sRGB (…×3, uint8) to OKLab (…×3): L in 0..1, a (green to red), b (blue to yellow)."""
    shares = np.asarray(rgb) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T


def families(lab: np.ndarray) -> np.ndarray:
    """Return for each OKLab colour (N×3) the index of its family in FAMILIES (N)."""
    examples, owners = _examples()
    weights = np.array([_LIGHTNESS_WEIGHT, 1.0, 1.0])
    examples, colours = (examples * weights).astype(np.float32), (lab * weights).astype(np.float32)
    # the squared distance without the colour's own square, which is the same for each example
    return owners[((examples**2).sum(1) - 2 * colours @ examples.T).argmin(1)]


@lru_cache(maxsize=1)
def _examples() -> tuple[np.ndarray, np.ndarray]:
    """Return the examples in OKLab (M×3) and the index of each one's family (M)."""
    rows = [
        (bytes.fromhex(code), index)
        for index, family in enumerate(FAMILIES)
        for code in _EXAMPLES[family].split()
    ]
    colours = np.array([list(code) for code, _ in rows], np.uint8)
    return to_oklab(colours), np.array([index for _, index in rows])
