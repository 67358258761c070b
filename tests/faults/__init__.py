"""What breaks between a question and its answer, in numbers: `python -m tests.faults` prints one row a promise.

Each module of this package is one kind of fault, with `rows(short)`. Every question ends in its whole answer, once, or
in one sentence. `absent()`, where a module has it, says why its fault cannot be made on this machine.
"""
