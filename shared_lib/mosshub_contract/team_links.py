"""The team's links on the home page: a line of text in a setting and in servers' environment."""

from __future__ import annotations

import re

_NEXT_LINK = re.compile(r",(?=[^,=]*=\s*https?://)")
_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")

#: Title and address.
TeamLink = tuple[str, str]


def parse_team_links(text: str) -> tuple[TeamLink, ...]:
    """Return the links in a text such as `Wiki=https://wiki.example.org, Chat=https://…`.

    Args:
        text: title, `=` and address of each link, separated by commas.

    Raises:
        ValueError: a link has no title, or an address that does not begin with http.
    """
    links = []
    for part in _NEXT_LINK.split(text):
        title, _, url = (word.strip() for word in part.partition("="))
        if not part.strip():
            continue
        if not title or not _ADDRESS.fullmatch(url):
            raise ValueError(f"{part.strip()!r} is not of the form Title=https://address")
        links.append((title, url))
    return tuple(links)


def format_team_links(links: tuple[TeamLink, ...]) -> str:
    """Return links as the text that `parse_team_links` reads."""
    return ", ".join(f"{title}={url}" for title, url in links)
