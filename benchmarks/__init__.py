"""What our own code costs, and how right it is: each file prints its own table."""
