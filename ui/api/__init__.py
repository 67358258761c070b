"""Endpoints for scripts and tools for agents."""
