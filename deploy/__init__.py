"""What to run where: see README.md of this folder."""
