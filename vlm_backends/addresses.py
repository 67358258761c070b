"""Where a server is to listen and to keep files, checked before anything is started."""

import errno
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vlm_backends.errors import BadPrompt


def check_page(env: Mapping[str, str] = os.environ) -> None:
    """Raises BadPrompt when the page cannot listen or keep uploads where the environment says."""
    name, port = (
        env.get("GRADIO_SERVER_NAME", "").strip(),
        env.get("GRADIO_SERVER_PORT", "").strip(),
    )
    if port or name:
        check_address(name or "127.0.0.1", port or "0", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT")
    folder = env.get("GRADIO_TEMP_DIR", "").strip()
    try:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder or None):
            pass
    except (OSError, ValueError):
        where = folder[:200] or "the folder for temporary files"
        raise BadPrompt(
            f"Nothing can be written to {where}: set GRADIO_TEMP_DIR to another folder."
        ) from None


def check_address(host: str, port: str, name: str, number: str) -> None:
    """Raises BadPrompt, with the settings' names, when nothing can listen there; port 0 is any that is free."""
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise BadPrompt(f"{number}={port[:40]} is no port: use a whole number from 1 to 65535.")
    bare = host.strip("[]")
    try:
        socket.create_server(
            (bare, int(port)), family=socket.AF_INET6 if ":" in bare else socket.AF_INET
        ).close()
    except (OSError, UnicodeError) as error:
        code = getattr(error, "errno", None)
        if code == errno.EADDRINUSE:
            raise BadPrompt(
                f"Port {port} is taken: end what listens there, or set {number} to another."
            ) from None
        if code == errno.EACCES:
            raise BadPrompt(
                f"This user may not listen on port {port}: set {number} to one above 1023."
            ) from None
        raise BadPrompt(
            f"{name}={host[:100]} is not here: use 127.0.0.1, or 0.0.0.0 for all addresses."
        ) from None
