"""Measures what this project's own code costs and how often it is right: each file is a topic."""
