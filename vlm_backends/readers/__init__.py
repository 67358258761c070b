"""What words mean: one file a grammar, each a total function from a reply, or any prefix of it, to an Answer."""
