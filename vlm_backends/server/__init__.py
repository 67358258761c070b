"""Serve any engine with the OpenAI API."""
