"""The tabs of the page, each in a file."""
