"""What the pages say of copies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mosshub_contract.copies import Audience, Listed, Output

from ..start_page.content import RecentRow, file_query, printable
from ..start_page.recent import time_ago
from .hub import Overview
from .taken import TakenCopy

_LINE_REM, _MARGIN_REM = 1.7, 0.8
_MIN_LINES, _MAX_LINES = 2, 16
_LOOK = (
    "<!doctype html><meta charset='utf-8'><meta name='color-scheme' content='light dark'>"
    "<style>body{margin:.4rem;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "img{max-width:100%}table{border-collapse:collapse}td,th{padding:.2rem .6rem}</style>"
)


@dataclass(frozen=True)
class Row(RecentRow):
    """A copy in a list.

    Attributes:
        path: the notebook that is shown first.
        query: the query string of that notebook's address; empty if it has none here.
        when: when it was given, in words.
        id: the copy's id.
        author: who gives it; empty for the user's own.
        original: the original's path in the author's editor.
        changed: what became of the original since; empty if nothing.
        audience: who may have it, in words; empty for others' copies.
    """

    id: str
    author: str
    original: str
    changed: str = ""
    audience: str = ""


def waiting_rows(overview: Overview, now: float) -> list[Row]:
    """Return what waits for the user."""
    return [
        Row(printable(o.notebook), "", time_ago(o.at, now), o.id, o.author, printable(o.notebook))
        for o in overview.waiting
    ]


def given_rows(overview: Overview, now: float) -> list[Row]:
    """Return what the user gives."""
    return [
        Row(
            printable(one.notebook),
            file_query(one.notebook),
            time_ago(one.at, now),
            one.id,
            "",
            printable(one.notebook),
            "changed since" if one.original != one.digest else "",
            audience_words(one.audience),
        )
        for one in overview.given
    ]


def taken_rows(overview: Overview, taken: Iterable[TakenCopy]) -> list[Row]:
    """Return what the user took."""
    now = {one.id: one for one in overview.taken}
    return [
        Row(
            printable(one.path),
            file_query(one.path),
            "",
            one.id,
            one.author,
            printable(one.notebook),
            _changed(one, now.get(one.id)),
        )
        for one in taken
    ]


def _changed(one: TakenCopy, now: Listed | None) -> str:
    if now is None:
        return ""
    if now.digest != one.digest:
        return f"{one.author} gives a newer version"
    return f"{one.author} has changed it since" if now.original != one.digest else ""


def audience_words(audience: Audience) -> str:
    """Return who may have a copy, in words."""
    parts = [*audience.users, *(f"the group {group}" for group in audience.groups)]
    if audience.link:
        parts.append("everybody with the link")
    return ", ".join(parts) or "nobody"


@dataclass(frozen=True)
class Frame:
    """HTML of somebody else, for a frame without any rights.

    Attributes:
        document: the frame's document.
        height: in rem.
    """

    document: str
    height: float


def frame(output: Output) -> Frame:
    """Return the frame for an output that is HTML."""
    lines = output.data.count("\n") + output.data.count("</p>") + output.data.count("</tr>")
    lines += output.data.count("</h") + output.data.count("</li>") + 16 * output.data.count("<img")
    height = min(max(lines, _MIN_LINES), _MAX_LINES) * _LINE_REM + _MARGIN_REM
    return Frame(_LOOK + output.data, round(height, 1))


def link_to(hub_url: str, own_origin: str, id_: str) -> str:
    """Return the address of a copy, the same for everybody.

    Args:
        hub_url: address of the hub; a path where hub and server have one host.
        own_origin: scheme and host of the request.
        id_: the copy's id.
    """
    hub = hub_url if "://" in hub_url else own_origin + hub_url
    return f"{hub}user-redirect/_mosshub/copy?id={id_}"
