"""All kinds of attack, or those that are named: `python -m tests.robustness [--short] [KIND…]`."""

import argparse
import importlib
import sys

KINDS = {  # a name on the command line, and its module
    "answers": "hostile_answers",
    "ends": "start_and_end",
    "files": "files",
    "fuzz": "fuzz",
    "keys": "keys",
    "limits": "limits",
    "load": "load",
    "servers": "faulty_servers",
}


def main() -> int:
    """Prints the table; returns the exit status: 1 when a promise was not kept."""
    options = argparse.ArgumentParser(
        "python -m tests.robustness", description="The page under attack, in numbers."
    )
    options.add_argument(
        "kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all by default"
    )
    options.add_argument("--short", action="store_true", help="fewer cases, as in the tests")
    given = options.parse_args()
    if unknown := set(given.kinds) - set(KINDS):
        options.error(f"no such kind: {', '.join(sorted(unknown))}")
    kept = True
    print(
        "| Promise | Tried | Survived | Lost | Leaked | Remark |\n| --- | ---: | ---: | ---: | ---: | --- |",
        flush=True,
    )
    for kind in given.kinds or KINDS:
        for row in importlib.import_module(f"tests.robustness.test_{KINDS[kind]}").rows(
            given.short
        ):
            kept = kept and row.kept
            print(
                f"| {row.promise} | {row.tried:,} | {row.survived:,} | {row.lost:,} | {row.leaked:,} | {row.remark} |",
                flush=True,
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
