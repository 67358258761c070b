"""Write requests and parse responses, regions and errors, in pure functions."""
