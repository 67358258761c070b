"""Middleware around the page."""
