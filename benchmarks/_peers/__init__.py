"""Pages that others would write for the same stream, each a script; all of them read VLM_BASE_URL as ours does."""
