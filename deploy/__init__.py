"""Deploy this project: README.md of this folder lists the files."""
