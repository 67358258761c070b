"""Options of the page's events: whether one waits in the queue, and what comes of quick ones."""

from __future__ import annotations

from typing import Any

# An event that ends at once. In the queue, the browser would open a stream to wait for its end.
QUIET: dict[str, Any] = {
    "api_visibility": "private",
    "queue": False,
    "show_progress": "hidden",
}
# An event that tells what a visitor chose: of quick ones, the last must arrive. Gradio would drop
# each that comes while the one before is on its way.
CHOICE: dict[str, Any] = QUIET | {"trigger_mode": "always_last"}
# An event that sets a state on whose change others wait: Gradio tells of a change only after events
# in the queue.
SETS_STATE: dict[str, Any] = QUIET | {"queue": True}
SETS_CHOICE: dict[str, Any] = CHOICE | {"queue": True}
# An event that streams; several may run at once.
STREAMED: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "multiple",
}
