"""HTTP for the engines: sockets that can be stopped, bodies and event streams as JSON."""
