"""Parse Python for the law tests."""

import ast
from concurrent.futures import ThreadPoolExecutor
from functools import cache


@cache
def parse(text: str) -> ast.Module:
    """Return the syntax tree of a module, parsed once in a thread of its own.

    In the main thread Playwright's greenlets disturb CPython's count of recursion, and `ast.parse`
    then raises SystemError ("AST constructor recursion depth mismatch").
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ast.parse, text).result()
