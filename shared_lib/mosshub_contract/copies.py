"""Copies of notebooks that users give each other, as hub and users' servers name them.

A server talks to the hub at `API_PATH` with its own token. The author's server sends a notebook's
code and its outputs, taken apart into what a page can show without a script. The hub checks every
word of it again: a user may send it anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

#: Path of the hub's routes, below the hub's API.
API_PATH = "/mosshub/copies"
#: The largest copy, as JSON, in bytes.
MAX_BYTES = 8 * 1024 * 1024
#: How many names and groups one copy may have.
MOST_RECIPIENTS = 50

Kind = Literal["text", "image", "html", "interactive"]
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_TITLE_CHARS = 120


@dataclass(frozen=True)
class Output:
    """What a cell shows.

    Attributes:
        kind: `text`; `image`, a `data:` URL; `html`; or `interactive`, which needs a kernel.
        data: the text, the URL or the HTML; empty for `interactive`.
    """

    kind: Kind
    data: str


@dataclass(frozen=True)
class Cell:
    """A cell: its code and what it shows."""

    code: str
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True)
class Audience:
    """Who may see and take a copy.

    Attributes:
        users: names of users; it waits on the start pages of these.
        groups: the hub's groups; it waits on the start pages of their members.
        link: whether everybody who is signed in may, with the copy's address.
    """

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    link: bool = False


@dataclass(frozen=True)
class Copy:
    """A copy of a notebook.

    Attributes:
        notebook: the notebook's path in its author's editor.
        text: the content of its file.
        cells: the same cell by cell, with outputs.
        audience: who may have it.
    """

    notebook: str
    text: str
    cells: tuple[Cell, ...]
    audience: Audience


@dataclass(frozen=True)
class Listed:
    """A copy in a list.

    Attributes:
        id: what names it, 32 hexadecimal digits.
        author: name of the user whose notebook it is.
        notebook: the notebook's path in the author's editor.
        at: when it was made, in seconds since 1970.
        digest: of its text.
        original: digest of the author's notebook, as the author's editor said last.
        audience: who may have it; its author alone learns that.
    """

    id: str
    author: str
    notebook: str
    at: float
    digest: str
    original: str
    audience: Audience = field(default_factory=Audience)


def digest(text: str) -> str:
    """Return what tells a notebook's content from every other."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def to_json(value: Any) -> str:
    """Return a value of this module, or a list of them, as JSON."""
    if isinstance(value, list):
        return json.dumps([asdict(one) for one in value])
    return json.dumps(asdict(value))


def copy_from_json(text: str | bytes) -> Copy:
    """Return a copy.

    Raises:
        ValueError: it is none, or too large.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1024**2} MiB")
    try:
        found = json.loads(text)
        notebook = str(found["notebook"])
        if not (notebook.isprintable() and 0 < len(notebook) <= _TITLE_CHARS):
            raise ValueError(f"the notebook's name must have 1 to {_TITLE_CHARS} characters")
        return Copy(
            notebook,
            str(found["text"]),
            tuple(_cell(one) for one in found["cells"]),
            audience_of(found["audience"]),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a copy: {error!r}") from None


def audience_of(found: dict[str, Any]) -> Audience:
    """Return an audience.

    Raises:
        ValueError: it has too many names.
    """
    users, groups = (tuple(str(name)[:255] for name in found[kind]) for kind in ("users", "groups"))
    if len(users) + len(groups) > MOST_RECIPIENTS:
        raise ValueError(f"more than {MOST_RECIPIENTS} recipients")
    return Audience(users, groups, found["link"] is True)


def listed_from_json(found: Any) -> Listed:
    """Return a copy of a list.

    Raises:
        ValueError: it is none.
    """
    try:
        words = {name: str(found[name]) for name in ("id", "author", "notebook", "digest")}
        original = str(found["original"])
        audience = audience_of(found["audience"])
        return Listed(**words, original=original, at=float(found["at"]), audience=audience)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a copy of a list: {error!r}") from None


def _cell(found: dict[str, Any]) -> Cell:
    return Cell(str(found["code"]), tuple(_output(one) for one in found["outputs"]))


def _output(found: dict[str, Any]) -> Output:
    kind, data = found["kind"], str(found["data"])
    if kind not in get_args(Kind) or (kind == "image" and not _IMAGE.fullmatch(data)):
        raise ValueError(f"no output of a kind that a page shows: {str(kind)[:40]!r}")
    return Output(kind, data)
