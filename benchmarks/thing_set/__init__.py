"""The labelled photographs and drawn pages of `python -m benchmarks things`."""
