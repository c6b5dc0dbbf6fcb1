"""Gathers what the start page shows. It reads files only; marimo need not run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from ..frame.views import APP, EDIT, view_query
from ..home.originals import Template, list_templates
from ..home.workspace import CopyReport
from ..settings import Settings
from .describe import describe
from .pictures import picture
from .recent import recent_notebooks, time_ago

# What a new user opens first. Notebooks that are not here come after these.
_ORDER = ("image_class.py", "train.py", "stream.py", "live_dashboard.py", "upload.py")


@dataclass(frozen=True)
class Card:
    """A notebook of the platform.

    Attributes:
        path: its path below the user's notebooks.
        query: the query string of its address, without `?`.
        title: its heading.
        sentence: what one can do with it.
        picture: a `data:` URL.
        state: `original`, `edited` or `missing`.
    """

    path: str
    query: str
    title: str
    sentence: str
    picture: str
    state: str


@dataclass(frozen=True)
class RecentRow:
    """A notebook of the user: its path, the query string of its address, and when it was written.

    Attributes:
        path: its path below the directory that marimo opens.
        query: the query string of its address, without `?`.
        when: in words.
    """

    path: str
    query: str
    when: str

    @property
    def file(self) -> str:
        """The part of the query string that names the notebook."""
        return self.query.partition("&")[0]


@dataclass(frozen=True)
class Content:
    """What the page shows of the user's files.

    Attributes:
        cards: the platform's notebooks.
        recent: the user's own notebooks, the newest first.
        news: sentences about notebooks that changed; what is between backticks is set as code.
    """

    cards: Sequence[Card]
    recent: Sequence[RecentRow]
    news: Sequence[str]


def gather(
    settings: Settings,
    directory: Path,
    copied: CopyReport,
    now: float,
    views: Mapping[str, str] = MappingProxyType({}),
) -> Content:
    """Return what the page shows of the user's files.

    Args:
        settings: what the hub told this server.
        directory: what marimo opens.
        copied: what the copying of the platform's notebooks came to, at this start.
        now: the present time, in seconds since 1970.
        views: how the user wants notebooks to open, by their paths. Those of the platform are apps
            unless the user chose otherwise.
    """
    found = list_templates(settings.templates, settings.notebooks)
    templates = sorted(found, key=lambda template: _place(template.path))
    rows = [
        RecentRow(
            path=printable(recent.path),
            query=file_query(recent.path) + view_query(recent.path, views, EDIT),
            when=time_ago(recent.modified, now),
        )
        for recent in recent_notebooks(directory, {template.path for template in templates})
    ]
    cards = [
        _card(template, settings.templates, views) for template in templates if settings.templates
    ]
    return Content(cards, rows, list(news(templates, copied)))


def news(templates: Iterable[Template], copied: CopyReport) -> Iterable[str]:
    """Yield a sentence about each notebook of the platform that changed."""
    for template in templates:
        if template.new_version:
            yield (
                f"`{template.path}` has a new version. You edited yours, so the new one is "
                f"`{template.new_version}`."
            )
        elif template.path in copied.updated:
            yield f"`{template.path}` was replaced by its new version."
        elif template.path in copied.added:
            yield f"`{template.path}` is new."


def file_query(path: str) -> str:
    """Return the query string of a notebook's address, without `?`.

    Args:
        path: the notebook's path below the directory that marimo opens.
    """
    return f"file={quote(path, safe='/', errors='surrogateescape')}"


def _place(path: str) -> tuple[int, str]:
    return _ORDER.index(path) if path in _ORDER else len(_ORDER), path


def _card(template: Template, templates: Path, views: Mapping[str, str]) -> Card:
    file = templates / template.path
    about = describe(file)
    return Card(
        path=template.path,
        query=file_query(template.path) + view_query(template.path, views, APP),
        title=about.title,
        sentence=about.sentence,
        picture=picture(file.parent, file.stem),
        state=template.state.value,
    )


def printable(path: str) -> str:
    """Return a path without bytes that are no text: a page cannot hold them."""
    clean = path.encode(errors="surrogateescape").decode(errors="replace")
    return re.sub(r"[\x00-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", clean)
