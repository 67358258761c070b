"""The wires as pure functions: request bodies, responses, regions, errors."""
