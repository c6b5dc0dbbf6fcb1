"""What the editor uses of its memory, processors and disk, as the page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mosshub_contract.amounts import amount

from ..disk import WARNED_SHARE, DiskUse
from ..frame.status import Load


@dataclass(frozen=True)
class Meter:
    """One amount against its limit.

    Attributes:
        name: what is used.
        text: how much of it, in words.
        share: the part of the limit, from 0 to 1.
    """

    name: str
    text: str
    share: float

    @property
    def is_high(self) -> bool:
        """Whether the user should know that the limit is near."""
        return self.share >= WARNED_SHARE


def meters(load: Load, disk: DiskUse | None) -> Iterator[Meter]:
    """Yield a meter for each amount.

    Args:
        load: memory and processors.
        disk: what the user's files take; None if it is not known yet.
    """
    yield _meter("Memory", amount(load.memory, load.memory_limit), load.memory / load.memory_limit)
    cores = "core" if load.cpu_limit == 1 else "cores"
    yield _meter(
        "Processor", f"{load.cpu:.1f} of {load.cpu_limit:g} {cores}", load.cpu / load.cpu_limit
    )
    if disk:
        least = "" if disk.is_complete else "at least "
        yield _meter("Disk", f"{least}{amount(disk.used, disk.limit)}", disk.share)


def _meter(name: str, text: str, share: float) -> Meter:
    return Meter(name, text, round(min(1.0, max(0.0, share)), 3))
