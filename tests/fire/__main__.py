"""All kinds of fire, or those that are named: `python -m tests.fire [--short] [KIND…]`."""

import argparse
import importlib
import pkgutil
import sys
from types import ModuleType

from tests import fire


def kinds(package: ModuleType) -> list[str]:
    """The modules of a package that have rows."""
    return sorted(
        found.name
        for found in pkgutil.iter_modules(package.__path__)
        if not found.name.startswith("_")
    )


def main(package: ModuleType = fire) -> int:
    """Prints the package's table; returns the exit status: 1 when a promise was not kept."""
    options = argparse.ArgumentParser(
        f"python -m {package.__name__}", description=package.__doc__.partition("\n")[0]
    )
    options.add_argument(
        "kinds", nargs="*", metavar="KIND", help=f"of {', '.join(kinds(package))}; all by default"
    )
    options.add_argument("--short", action="store_true", help="fewer cases, as in the tests")
    given = options.parse_args()
    if unknown := set(given.kinds) - set(kinds(package)):
        options.error(f"no such kind: {', '.join(sorted(unknown))}")
    kept = True
    print(
        "| Promise | Tried | Survived | Lost | Leaked | Remark |\n| --- | ---: | ---: | ---: | ---: | --- |",
        flush=True,
    )
    for kind in given.kinds or kinds(package):
        for row in importlib.import_module(f"{package.__name__}.{kind}").rows(given.short):
            kept = kept and row.kept
            print(
                f"| {row.promise} | {row.tried:,} | {row.survived:,} | {row.lost:,} | {row.leaked:,} | {row.remark} |",
                flush=True,
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
