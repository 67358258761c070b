"""Decode, encode, draw, compare and export pictures and their regions."""
