"""Where the checkout and its pictures are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "assets"
