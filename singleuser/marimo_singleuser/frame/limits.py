"""Memory and processor time against their limits, read from control groups of both versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
# Version 1 has no word for "no limit" but a number near 2 ** 63.
_NO_LIMIT_BYTES = 2**60


@dataclass(frozen=True)
class Usage:
    """What a control group has used, and how much it may.

    Attributes:
        memory: bytes in use, without files that the kernel can drop at any time.
        memory_limit: bytes that may be used; None without a limit.
        cpu_s: processor time since the group began, in seconds.
        cpu_limit: cores that may be used at a time; None without a limit.
        oom_kills: processes that were killed because the memory was used up.
    """

    memory: int
    memory_limit: int | None
    cpu_s: float
    cpu_limit: float | None
    oom_kills: int


def read_usage(root: Path = _ROOT) -> Usage | None:
    """Return the usage of this program's control group; None where it has none of its own.

    Args:
        root: where the control groups are mounted.
    """
    try:
        if (root / "memory.current").exists():
            return _version_2(root)
        if (root / "memory" / "memory.usage_in_bytes").exists():
            return _version_1(root)
    except (OSError, ValueError, KeyError):
        pass
    return None


def _version_2(root: Path) -> Usage:
    dropped = _pairs(root / "memory.stat").get("inactive_file", 0)
    limit = (root / "memory.max").read_text().strip()
    quota, period = (root / "cpu.max").read_text().split()
    return Usage(
        memory=max(_number(root / "memory.current") - dropped, 0),
        memory_limit=None if limit == "max" else int(limit),
        cpu_s=_pairs(root / "cpu.stat")["usage_usec"] / 1e6,
        cpu_limit=None if quota == "max" else int(quota) / int(period),
        oom_kills=_pairs(root / "memory.events").get("oom_kill", 0),
    )


def _version_1(root: Path) -> Usage:
    memory, cpu = root / "memory", root / "cpu"
    dropped = _pairs(memory / "memory.stat").get("total_inactive_file", 0)
    limit = _number(memory / "memory.limit_in_bytes")
    quota = _number(cpu / "cpu.cfs_quota_us")
    return Usage(
        memory=max(_number(memory / "memory.usage_in_bytes") - dropped, 0),
        memory_limit=None if limit >= _NO_LIMIT_BYTES else limit,
        cpu_s=_number(root / "cpuacct" / "cpuacct.usage") / 1e9,
        cpu_limit=None if quota <= 0 else quota / _number(cpu / "cpu.cfs_period_us"),
        oom_kills=_pairs(memory / "memory.oom_control").get("oom_kill", 0),
    )


def _number(path: Path) -> int:
    return int(path.read_text())


def _pairs(path: Path) -> Mapping[str, int]:
    """Return the numbers of a file that has a name and a number on each line."""
    pairs = (line.split() for line in path.read_text().splitlines())
    return {name: int(value) for name, value in pairs}
