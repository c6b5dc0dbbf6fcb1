"""A notebook's code and saved outputs, taken apart into what a page can show without a script.

marimo keeps the outputs beside the notebook. It is not asked: the notebook need not run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mosshub_contract.copies import MAX_BYTES, Audience, Cell, Copy, Output, to_json

from ..frame.small_files import read_end
from ..history.cells import cells_of
from ..history.store import session_file

_MAX_NOTEBOOK_BYTES = 2 * 1024 * 1024
_MAX_SAVED_BYTES = 50 * 1024 * 1024
_BUNDLE = "application/vnd.marimo+mimebundle"
#: In the order in which one of several is chosen.
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_INTERACTIVE = Output("interactive", "")
#: What in HTML shows nothing without marimo's scripts.
_NEEDS_SCRIPTS = ("<marimo-", "<script", "@file/", "<iframe")


class NotCopied(Exception):
    """A notebook cannot be given; the text says why."""


def make_copy(notebooks: Path, notebook: str, audience: Audience) -> Copy:
    """Return a copy of a notebook as it is now. Outputs that are too large are left out.

    Args:
        notebooks: directory of the user's notebooks.
        notebook: the notebook's path below it.
        audience: who may have the copy.

    Raises:
        NotCopied: it is no notebook there, or its code is too large.
    """
    text = read_notebook(notebooks, notebook)
    cells = cells_with_outputs(text, read_end(session_file(notebooks / notebook), _MAX_SAVED_BYTES))
    copy = Copy(notebook, text, cells, audience)
    if len(to_json(copy)) > MAX_BYTES:
        bare = tuple(Cell(cell.code, (_INTERACTIVE,) if cell.outputs else ()) for cell in cells)
        copy = Copy(notebook, text, bare, audience)
    return copy


def read_notebook(notebooks: Path, notebook: str) -> str:
    """Return the text of a notebook.

    Raises:
        NotCopied: it is no notebook there, or too large.
    """
    path = Path(notebook)
    if path.is_absolute() or ".." in path.parts or path.suffix != ".py":
        raise NotCopied(f"{notebook} is no notebook of this editor")
    try:
        file = notebooks / path
        if not file.is_file():
            raise NotCopied(f"{notebook} is not there")
        if file.stat().st_size > _MAX_NOTEBOOK_BYTES:
            raise NotCopied(f"{notebook} is larger than {_MAX_NOTEBOOK_BYTES // 1024**2} MiB")
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise NotCopied(f"{notebook} cannot be read") from None


def cells_with_outputs(text: str, saved: str) -> tuple[Cell, ...]:
    """Return the cells of a notebook, each with its outputs; without those of other code.

    Args:
        text: content of the notebook's file.
        saved: what marimo saved of the outputs (JSON).
    """
    outputs = _saved_outputs(saved)
    return tuple(Cell(code, outputs.get(_hash(code), ())) for code in cells_of(text))


def _saved_outputs(saved: str) -> dict[str, tuple[Output, ...]]:
    """Return the saved outputs of each cell, by the hash of its code."""
    try:
        cells = json.loads(saved)["cells"]
        return {
            str(cell["code_hash"]): tuple(
                found for one in cell["outputs"] if (found := _output(one)) is not None
            )
            for cell in cells
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _output(saved: Mapping[str, Any]) -> Output | None:
    """Return an output as a page shows it; None for one that is empty."""
    if saved.get("type") != "data":
        name, value = saved.get("ename", "Error"), saved.get("evalue", "")
        return Output("text", f"{name}: {value}")
    return _of_kinds(saved.get("data") or {})


def _of_kinds(data: Mapping[str, Any]) -> Output | None:
    if _BUNDLE in data:
        inner = data[_BUNDLE]
        return _of_kinds(json.loads(inner) if isinstance(inner, str) else inner)
    for kind in _IMAGES:
        if content := str(data.get(kind, "")):
            url = content if content.startswith("data:") else f"data:{kind};base64,{content}"
            return Output("image", url) if _is_whole(url) else _INTERACTIVE
    if svg := str(data.get("image/svg+xml", "")):
        if not svg.startswith("data:"):
            svg = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
        return Output("image", svg) if _is_whole(svg) else _INTERACTIVE
    for kind in ("text/html", "text/markdown"):
        if content := str(data.get(kind, "")):
            needs = any(mark in content.lower() for mark in _NEEDS_SCRIPTS)
            return _INTERACTIVE if needs else Output("html", content)
    for kind in ("text/plain", "application/json"):
        if kind in data:
            content = data[kind]
            text = content if isinstance(content, str) else json.dumps(content, indent=1)
            return Output("text", text) if text.strip() else None
    return _INTERACTIVE if data else None


def _is_whole(url: str) -> bool:
    return ";base64," in url


def _hash(code: str) -> str:
    """Return what marimo calls a cell's code by, beside its saved outputs."""
    return hashlib.md5(code.encode(), usedforsecurity=False).hexdigest()
