"""HTTP for the engines: connections that can be cancelled, bodies and event streams as JSON."""
