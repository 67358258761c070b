"""What the server remembers of a visit: conversation, task run, comparison, batch."""
