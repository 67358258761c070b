"""The parts that tabs are built from."""
