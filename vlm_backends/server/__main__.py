"""`python -m vlm_backends.server`."""

import sys

from vlm_backends.server.app import main

if __name__ == "__main__":
    sys.exit(main())
