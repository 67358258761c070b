"""Hand-drawn outlines of things in photographs, and where the photographs come from.

The photographs stay in their packages: `python -m benchmarks.mask_set.collect PLACE…` copies them.
"""
