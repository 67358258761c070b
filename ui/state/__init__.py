"""State that the server keeps for a visit: conversation, task run, comparison, batch."""
