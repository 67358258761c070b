"""Turn bar charts into tables, by geometry and print."""
