"""Measures this project's own work beside peers: `python -m benchmarks [TOPIC…] [--rounds N]`.

Each public module of this package is a topic. Its `tables(rounds)` yields Markdown while it
measures. A topic whose peers or models are not installed says so and measures the rest.
"""

import argparse
import importlib
import pkgutil
import platform
from datetime import date
from time import perf_counter

import benchmarks

_BY_NAME = {"charts", "masks", "tables", "things"}  # take minutes, or pictures of other packages
TOPICS = sorted(
    found.name
    for found in pkgutil.iter_modules(benchmarks.__path__)
    if not found.name.startswith("_")
)


def main() -> None:
    """Print the tables of the topics that are asked for."""
    options = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__.partition("\n")[0]
    )
    options.add_argument(
        "topics",
        nargs="*",
        metavar="TOPIC",
        help=f"of {', '.join(TOPICS)}; default: all but {' and '.join(sorted(_BY_NAME))}",
    )
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    if unknown := set(given.topics) - set(TOPICS):
        options.error(f"no such topic: {', '.join(sorted(unknown))}")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{date.today()}, {platform.machine()}, {python}\n")
    for topic in given.topics or [topic for topic in TOPICS if topic not in _BY_NAME]:
        start = perf_counter()
        print(f"## {topic}\n", flush=True)
        try:
            for table in importlib.import_module(f"benchmarks.{topic}").tables(given.rounds):
                print(table, end="\n\n", flush=True)
        except ModuleNotFoundError as error:
            print(f"Not measured: {error.name} is not installed.\n", flush=True)
        print(f"In {perf_counter() - start:.0f} s.\n", flush=True)


if __name__ == "__main__":
    main()
