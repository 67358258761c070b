"""Random tables whose cells are known, drawn with Pillow, for `python -m benchmarks tables`."""
