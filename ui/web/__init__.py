"""ASGI middleware around the page."""
