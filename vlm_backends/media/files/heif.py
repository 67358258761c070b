"""Open HEIC and HEIF, the pictures of phones, by libheif; imported only when such a file comes."""

import io

import pi_heif
from PIL import Image

from vlm_backends.media.files import pages
from vlm_backends.types import Page


def open_heif(file: io.BytesIO, number: int) -> tuple[Image.Image, Page]:
    """Open the picture of this number, from 1; its main one comes first. Raises BadPrompt.

    Thumbnails, depth maps and gain maps do not count. The pixels are not decoded yet; they come
    upright and with 8 bits a channel. A broken file raises what Pillow's own openers raise.
    """
    image = pi_heif.HeifImageFile(file)
    order = sorted(range(image.n_frames), key=lambda index: index != image.tell())
    page = pages.chosen(number, len(order), "picture")
    image.seek(order[number - 1])
    return image, page
