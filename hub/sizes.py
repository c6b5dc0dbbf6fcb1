"""Sizes of users' servers: processors and memory of each, and who may take it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SIZE = re.compile(
    r"(?P<name>[^=/@,]{1,30})=(?P<cpus>\d+(\.\d+)?)/(?P<memory>\d+(\.\d+)?[MGT])(?P<gpu>/gpu)?"
    r"(@(?P<groups>[^@,/=]+))?"
)


@dataclass(frozen=True)
class Size:
    """A size that users choose when they start their server.

    Attributes:
        name: as the form shows it.
        cpus: number of processors.
        memory: as Docker writes it, such as `4G`.
        has_gpu: whether the server gets a GPU of its own.
        groups: the hub's groups whose members may take it; empty for everybody.
    """

    name: str
    cpus: float
    memory: str
    has_gpu: bool
    groups: frozenset[str]

    @property
    def label(self) -> str:
        """The size in words, such as `Large: 4 processors, 8 GB`."""
        processors = "1 processor" if self.cpus == 1 else f"{self.cpus:g} processors"
        memory = f"{self.memory[:-1]} {self.memory[-1]}B"
        return f"{self.name}: {processors}, {memory}{', 1 GPU' if self.has_gpu else ''}"

    def is_for(self, groups: Iterable[str], *, is_admin: bool) -> bool:
        """Return whether a user may take it.

        Args:
            groups: names of the user's groups.
            is_admin: admins may take every size.
        """
        return is_admin or not self.groups or not self.groups.isdisjoint(groups)


def parse_sizes(text: str) -> tuple[Size, ...]:
    """Return sizes written as `Small=2/4G, GPU=8/32G/gpu@lab+ops`.

    Raises:
        ValueError: one is written otherwise, or a name is there twice.
    """
    sizes = tuple(_parse(part.strip()) for part in text.split(",") if part.strip())
    if len({size.name for size in sizes}) < len(sizes):
        raise ValueError("each name once")
    if sizes and (sizes[0].groups or sizes[0].has_gpu):
        raise ValueError("the first is the default, so it is for everybody and without a GPU")
    return sizes


def _parse(part: str) -> Size:
    found = _SIZE.fullmatch(part)
    if not found or float(found["cpus"]) <= 0:
        raise ValueError(f"{part!r} is not of the form Name=processors/memory[/gpu][@group+group]")
    groups = (group.strip() for group in (found["groups"] or "").split("+"))
    return Size(
        found["name"].strip(),
        float(found["cpus"]),
        found["memory"],
        bool(found["gpu"]),
        frozenset(group for group in groups if group),
    )
