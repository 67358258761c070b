"""All kinds of faults, or those that are named: `python -m tests.faults [--short] [KIND…]`."""

import sys

from tests import faults
from tests.fire.__main__ import main

if __name__ == "__main__":
    sys.exit(main(faults))
