"""What a notebook says about itself: its title and its first sentence. It is read, never run."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_MAX_BYTES = 256 * 1024
_MAX_CHARS = 190
_MARKS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_SENTENCE = re.compile(r".+?[.?!](?=\s|$)", re.DOTALL)


@dataclass(frozen=True)
class Description:
    """How a notebook is introduced.

    Attributes:
        title: its first heading, else the title of its app, else its name.
        sentence: the first sentence below that heading; empty if there is none.
    """

    title: str
    sentence: str = ""


def describe(notebook: Path) -> Description:
    """Return how a notebook introduces itself.

    Args:
        notebook: a file that may also be missing, unreadable or no notebook.
    """
    try:
        stat = notebook.stat()
    except OSError:
        return Description(notebook.stem)
    return _describe(notebook, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _describe(notebook: Path, mtime_ns: int, size: int) -> Description:
    """Read a notebook; its time and size are here so that an edited one is read again."""
    if not notebook.is_file() or size > _MAX_BYTES:
        return Description(notebook.stem)
    try:
        return describe_source(notebook.read_text("utf-8"), notebook.stem)
    except (OSError, UnicodeDecodeError):
        return Description(notebook.stem)


def describe_source(source: str, name: str) -> Description:
    """Return how a notebook introduces itself.

    Args:
        source: its Python code.
        name: its name, for one that has neither heading nor title.
    """
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Description(name)
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    heading, sentence = next(_introductions(calls), ("", ""))
    return Description(heading or _app_title(calls) or name, sentence)


def _introductions(calls: list[ast.Call]) -> Iterator[tuple[str, str]]:
    """Yield heading and first sentence of each `mo.md` that begins with a heading."""
    for call in calls:
        is_markdown = isinstance(call.func, ast.Attribute) and call.func.attr == "md" and call.args
        if is_markdown and isinstance(text := _text(call.args[0]), str):
            first, *rest = [block.strip() for block in re.split(r"\n\s*\n", text.strip())]
            heading = re.match(r"#\s+(.+)", first)
            if heading:
                below = first[heading.end() :].strip() or next(iter(rest), "")
                yield _plain(heading[1]), _first_sentence(below)


def _app_title(calls: list[ast.Call]) -> str:
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "App":
            for keyword in call.keywords:
                if keyword.arg == "app_title" and isinstance(title := _text(keyword.value), str):
                    return title.strip()
    return ""


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return inspect.cleandoc(node.value)
    return None


def _first_sentence(paragraph: str) -> str:
    if paragraph.startswith(("#", "|", "```", "- ", "* ", "<")):
        return ""  # no paragraph
    plain = _plain(paragraph)
    found = _SENTENCE.match(plain)
    sentence = found[0] if found else plain
    return sentence if len(sentence) <= _MAX_CHARS else sentence[:_MAX_CHARS].rstrip() + " …"


def _plain(markdown: str) -> str:
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", markdown)).split())
