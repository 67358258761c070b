"""Serve any engine over the OpenAI wire."""
