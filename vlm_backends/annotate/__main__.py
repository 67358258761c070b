"""`python -m vlm_backends.annotate`."""

import sys

from vlm_backends.annotate.command import main

if __name__ == "__main__":
    sys.exit(main())
