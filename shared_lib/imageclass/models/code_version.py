"""A hash of the code that decides what training gives.

Comments and docstrings are left out of it, so that sentences can change without a new version.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import textwrap
import tokenize
from collections.abc import Callable
from typing import Any

from imageclass.data import augmentation
from imageclass.models import architectures, training


def code_version(builder: Callable[..., Any]) -> str:
    """Return 12 hexadecimal digits that change with the code that decides what training gives.

    That is the model's, the training loop's and the augmentation's code; other code may change as
    it likes.

    Args:
        builder: the function that builds the model.
    """
    parts: tuple[Callable[..., Any], ...] = (
        builder,
        architectures._Parts,
        training.train,
        training._batches,
        training._learner,
        training.split,
        training._held_back,
        augmentation.augmented,
    )
    source = "".join(without_prose(inspect.getsource(part)) for part in parts)
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def without_prose(source: str) -> str:
    """Return Python source without its docstrings, comments and empty lines.

    It works on the text alone, so that every version of Python gives the same.
    """
    source = textwrap.dedent(source)
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            for row in range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1):
                lines[row - 1] = ""
    kept = (line.rstrip() for line in lines)
    return "".join(f"{line}\n" for line in kept if line)
