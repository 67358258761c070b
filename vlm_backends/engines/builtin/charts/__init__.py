"""Bar charts to tables, by geometry and print."""
