"""Why a notebook cannot be an app, in a sentence for its author and those who open it."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

_TIMEOUT_S = 30.0
_MOST_NAMED = 5
_CELLS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.With)
# Prints those of the names for which the environment has no module; nothing is imported.
_LOOK = (
    "import importlib.util, sys; sys.path.insert(0, sys.argv[1]); "
    "print(*[name for name in sys.argv[2:] if importlib.util.find_spec(name) is None])"
)


def code_problem(code: str) -> str:
    """Return why marimo cannot run this as a notebook; empty if it can.

    Args:
        code: content of the notebook's file.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        return f"Its code is no Python{f': line {line} has an error' if line else ''}."
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    if "App" not in named:
        return "Its file is no marimo notebook."
    return "One of its cells is no Python." if "_unparsable_cell" in named else ""


async def missing_packages(
    code: str, directory: Path, python: Path, env: Mapping[str, str]
) -> list[str]:
    """Return the modules that a notebook's cells import and that are not there.

    Args:
        code: content of the notebook's file, which is Python.
        directory: where that file is; modules may lie beside it.
        python: the interpreter of its environment.
        env: environment variables for it.
    """
    names = sorted(set(_imported(ast.parse(code))))
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-P", "-s", "-c", _LOOK, str(directory), *names),
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return []  # then the app says itself what it lacks
    return said.decode().split()


def missing_words(names: list[str]) -> str:
    """Return what is said of modules that are not there; empty for none."""
    if not names:
        return ""
    shown = ", ".join(names[:_MOST_NAMED])
    are = "packages that are" if len(names) > 1 else "a package that is"
    return f"It imports {are} not installed: {shown}."


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the first name of each module that a cell imports in any case."""
    for part in tree.body:
        body = getattr(part, "body", ()) if isinstance(part, _CELLS) else (part,)
        for statement in body:
            if isinstance(statement, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in statement.names)
            elif isinstance(statement, ast.ImportFrom) and not statement.level:
                yield (statement.module or "").partition(".")[0]
