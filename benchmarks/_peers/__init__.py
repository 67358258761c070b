"""Chat pages as others would write them, each a script; all of them read VLM_BASE_URL."""
