"""The wires as pure functions: request bodies, replies, regions, errors."""
