"""Call HTTP services: cancellable connections, and bodies and event streams as JSON."""
