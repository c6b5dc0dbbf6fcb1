"""The pages of versions as HTML."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from ..copies.bundle import cells_with_outputs
from ..copies.listing import frame
from ..frame.small_files import read_end
from ..settings import Settings
from ..start_page.content import file_query
from ..start_page.page import shared_values, template
from ..start_page.recent import time_ago
from ..team.places import shown_name, team_part
from .cells import compare, summary
from .store import MAX_NOTEBOOK_BYTES, MAX_OUTPUT_BYTES, History, Version, session_file

_MOST_SUMMARIES = 30  # versions that are compared for the list


@dataclass(frozen=True)
class Row:
    """A version in the list.

    Attributes:
        query: the query string of its page, without `?`.
        when: when it was saved, in words.
        what: what it changed of the version before; empty if that is not known.
        is_shown: whether the page shows it.
    """

    query: str
    when: str
    what: str
    is_shown: bool


@dataclass(frozen=True)
class Notebook:
    """A notebook that has versions.

    Attributes:
        name: its name for the user.
        query: the query string of its versions, without `?`.
        when: when it was saved last, in words.
        is_deleted: whether its file is gone.
    """

    name: str
    query: str
    when: str
    is_deleted: bool


def render_all(settings: Settings, viewer: str, newest: Sequence[Version]) -> bytes:
    """Return the page of all notebooks that have versions.

    Args:
        settings: what the hub told this server.
        viewer: name of the user who is signed in.
        newest: the newest version of each notebook.
    """
    now = time.time()
    notebooks = [
        Notebook(
            shown_name(settings, one.notebook),
            urlencode({"file": one.notebook}),
            time_ago(one.at, now),
            not (settings.notebooks / one.notebook).is_file(),
        )
        for one in newest
    ]
    notebooks.sort(key=lambda one: not one.is_deleted)  # what is looked for
    return _page(settings, viewer, title="Earlier versions", notebooks=notebooks, notebook="")


def render_one(
    settings: Settings,
    viewer: str,
    history: History,
    versions: Sequence[Version],
    shown: Version,
    text: str,
) -> bytes:
    """Return the page of one notebook's versions.

    Args:
        settings: what the hub told this server.
        viewer: name of the user who is signed in.
        history: where the versions are.
        versions: all of the notebook, the newest first.
        shown: the one that the page shows.
        text: its content.
    """
    now, file = time.time(), settings.notebooks / shown.notebook
    present = read_end(file, MAX_NOTEBOOK_BYTES) if file.is_file() else None
    saved = history.outputs(shown.id)
    if not saved and shown == versions[0]:  # no save has come after it
        saved = read_end(session_file(file), MAX_OUTPUT_BYTES)
    return _page(
        settings,
        viewer,
        title=f"Earlier versions of {shown_name(settings, shown.notebook)}",
        notebooks=[],
        notebook=shown.notebook,
        notebook_query=file_query(shown.notebook),
        is_teams=team_part(settings, shown.notebook) is not None,
        rows=[
            Row(
                urlencode({"file": one.notebook, "version": one.id}),
                time_ago(one.at, now),
                what,
                one.id == shown.id,
            )
            for one, what in zip(versions, _summaries(history, versions), strict=True)
        ],
        shown=shown,
        when=time_ago(shown.at, now),
        is_deleted=present is None,
        is_present=present == text,
        cells=[cell for cell in cells_with_outputs(text, saved) if cell.outputs],
        frame=frame,
        changes=compare("" if present is None else present, text) if present != text else [],
    )


def _summaries(history: History, versions: Sequence[Version]) -> list[str]:
    """Return what each version changed of the one before it."""
    texts = [history.read(one.id) for one in versions[: _MOST_SUMMARIES + 1]]
    found = []
    for newer, older in zip(texts, [*texts[1:], None], strict=True):
        known = newer is not None and older is not None
        found.append(summary(compare(older[1], newer[1])) if known else "")  # type: ignore[index]
    found += [""] * (len(versions) - len(found))
    if len(versions) <= _MOST_SUMMARIES:
        found[-1] = "the first that was kept"
    return found


def _page(settings: Settings, viewer: str, **values: object) -> bytes:
    return template("history.html").generate(**shared_values(settings, viewer), **values)
