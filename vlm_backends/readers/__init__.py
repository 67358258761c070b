"""Read replies: one module per grammar.

Each reader is a function from a reply, or any prefix of one, to an Answer. It never raises.
"""
