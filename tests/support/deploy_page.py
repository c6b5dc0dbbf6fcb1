"""The commands of docs/deploy.md, taken from its blocks of `sh`: page and test cannot differ."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "deploy.md"
SYSTEM = "debian-12"
_SECTION = re.compile(r"(?m)^#{2,3} (?P<title>.+)\n(?P<text>(?:(?!#{2,3} ).*\n)*)")
_BLOCK = re.compile(
    r"(?m)^(?P<indent> *)```sh ?(?P<system>\S*)\n(?P<text>(?:.*\n)*?)(?P=indent)```$"
)


@dataclass(frozen=True)
class Command:
    """A line of a block.

    Attributes:
        line: what somebody types.
        shows: a part of what it prints; empty if the page does not say.
    """

    line: str
    shows: str


def blocks(title: str) -> list[list[Command]]:
    """Return the commands of a section, by block, without those of other systems.

    Args:
        title: the section's heading.
    """
    sections = {found["title"]: found["text"] for found in _SECTION.finditer(PAGE.read_text())}
    return [
        [_command(line) for line in found["text"].splitlines() if line.strip()]
        for found in _BLOCK.finditer(sections[title])
        if found["system"] in ("", SYSTEM)
    ]


def _command(line: str) -> Command:
    typed, _, shows = line.partition(" # ")
    return Command(typed.strip(), shows.strip())
