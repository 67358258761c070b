"""Write the still pictures of this folder: HEVC streams, which the tests put into HEIC files.

No library of this project encodes HEVC. This was run once, with PyAV 18.1 (whose wheel has x265):
`pip install av && python -m tests.support.hevc.make`. The drawings are those of
`tests.support.broken_files.scene`, so the same tests hold for all formats.
"""

import io
from pathlib import Path

import av
from PIL import Image, ImageDraw

from tests.support.broken_files import scene

X265 = "keyint=1:info=0:log-level=none:crf=8:range=full:colormatrix=smpte170m"


def words(text: str, size: tuple[int, int], ink: str, paper: str) -> Image.Image:
    """Draw print, as large as the paper is high."""
    image = Image.new("RGB", size, paper)
    ImageDraw.Draw(image).text((24, size[1] // 4), text, fill=ink, font_size=size[1] // 3)
    return image


def stream(image: Image.Image, bits: int = 8) -> bytes:
    """Encode one picture as an HEVC stream, with the colours of a JPEG (BT.601, full range)."""
    layout = "yuv420p" if bits == 8 else f"yuv420p{bits}le"
    file = io.BytesIO()
    with av.open(file, "w", format="hevc") as out:
        coder = out.add_stream("libx265", rate=1)
        coder.width, coder.height, coder.pix_fmt = *image.size, layout
        coder.options = {"x265-params": X265, "preset": "slow"}
        frame = av.VideoFrame.from_image(image)
        frame = frame.reformat(format=layout, dst_colorspace="ITU601", dst_color_range="JPEG")
        out.mux(coder.encode(frame))
        out.mux(coder.encode())
    return file.getvalue()


if __name__ == "__main__":
    folder = Path(__file__).parent
    (folder / "scene.hevc").write_bytes(stream(scene()))
    (folder / "scene-10-bits.hevc").write_bytes(stream(scene(), 10))
    (folder / "gate.hevc").write_bytes(stream(words("GATE 27", (480, 160), "navy", "white")))
    (folder / "total.hevc").write_bytes(stream(words("TOTAL 33.40", (640, 160), "black", "khaki")))
    (folder / "large.hevc").write_bytes(stream(Image.new("RGB", (4096, 4096), "teal")))
