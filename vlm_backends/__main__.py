"""`python -m vlm_backends MODEL PICTURE…`: the same as `vlm ask MODEL PICTURE…`."""

import sys

from vlm_backends.cli import ask_main

if __name__ == "__main__":
    sys.exit(ask_main())
