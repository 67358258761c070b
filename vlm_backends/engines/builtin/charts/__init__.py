"""Turn charts into tables, by geometry and print."""
