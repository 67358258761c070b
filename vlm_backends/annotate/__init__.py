"""Annotate a data set: one question about every picture, one JSON line each."""
