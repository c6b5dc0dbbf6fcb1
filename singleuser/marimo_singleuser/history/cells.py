"""The cells of a notebook's file, and what differs between two versions of it.

The file is read as Python, without marimo: this program does not load it.
"""

from __future__ import annotations

import ast
import difflib
import textwrap
from dataclasses import dataclass
from typing import Literal

Kind = Literal["changed", "added", "removed"]


@dataclass(frozen=True)
class Line:
    """A line of a comparison.

    Attributes:
        mark: `+` only in the second, `-` only in the first, a blank in both.
        text: the line.
    """

    mark: str
    text: str


@dataclass(frozen=True)
class Change:
    """A cell that differs.

    Attributes:
        kind: what became of it from the first version to the second.
        old: its code in the first; empty if it was not there.
        new: its code in the second; empty if it is not there.
    """

    kind: Kind
    old: str
    new: str

    @property
    def lines(self) -> list[Line]:
        """The lines of both, in order."""
        old, new = self.old.splitlines(), self.new.splitlines()
        found: list[Line] = []
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        for kind, start, end, other_start, other_end in matcher.get_opcodes():
            if kind == "equal":
                found += [Line(" ", text) for text in old[start:end]]
            else:
                found += [Line("-", text) for text in old[start:end]]
                found += [Line("+", text) for text in new[other_start:other_end]]
        return found


def cells_of(text: str) -> list[str]:
    """Return the code of each cell; the whole text where it is no notebook that Python can read."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [text.strip()]
    lines = text.splitlines()
    cells = [code for node in tree.body if (code := _code(node, lines)) is not None]
    return cells or [text.strip()]


def compare(first: str, second: str) -> list[Change]:
    """Return what differs between two versions, in the order of the cells.

    Args:
        first: content of the one file.
        second: content of the other.
    """
    before, after = cells_of(first), cells_of(second)
    changes = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        old, new = before[start:end], after[other_start:other_end]
        both = min(len(old), len(new))
        changes += [Change("changed", *pair) for pair in zip(old, new, strict=False)]
        changes += [Change("removed", code, "") for code in old[both:]]
        changes += [Change("added", "", code) for code in new[both:]]
    return changes


def summary(changes: list[Change]) -> str:
    """Return what differs in a few words, such as `2 cells changed, 1 new`."""
    counts = {
        words: sum(change.kind == kind for change in changes)
        for kind, words in (("changed", "changed"), ("added", "new"), ("removed", "gone"))
    }
    parts = [f"{count} {words}" for words, count in counts.items() if count]
    if not parts:
        return "the same cells"
    first, *rest = parts
    count, words = first.split(" ", 1)
    return ", ".join([f"{count} cell{'' if count == '1' else 's'} {words}", *rest])


def _code(node: ast.stmt, lines: list[str]) -> str | None:
    """Return the code of a cell; None if a statement of the file is none."""
    if isinstance(node, ast.Expr) and _name(node.value) == "_unparsable_cell":
        text = next(iter(getattr(node.value, "args", ())), None)  # a cell that is no Python
        return str(text.value).strip() if isinstance(text, ast.Constant) else None
    if isinstance(node, ast.With):
        return _source(node.body, lines) if any(map(_is_apps, _items(node))) else None
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    names = {_name(decorator) for decorator in node.decorator_list if _is_apps(decorator)}
    if "cell" in names:
        body = node.body[:-1] if isinstance(node.body[-1], ast.Return) else node.body
        return _source(body, lines)
    return _source([node], lines) if names else None


def _items(node: ast.With) -> list[ast.expr]:
    return [item.context_expr for item in node.items]


def _is_apps(node: ast.expr) -> bool:
    """Return whether an expression is `app.…` or `app.…(…)`."""
    node = node.func if isinstance(node, ast.Call) else node
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "app"
    )


def _name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else ""


def _source(body: list[ast.stmt], lines: list[str]) -> str:
    if not body:
        return ""
    end = body[-1].end_lineno or body[-1].lineno
    return textwrap.dedent("\n".join(lines[body[0].lineno - 1 : end])).strip()
