"""The control groups in which nodes keep their pods, of version 1 or 2."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cgroup_roots() -> list[Path]:
    """Return the one hierarchy of version 2, or all of version 1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    found = [place for place in CGROUPS.iterdir() if place.is_dir() and not place.is_symlink()]
    return [place for place in found if place.name != "unified"]


def make_cgroups(name: str) -> None:
    for root in cgroup_roots():
        group = root / name
        group.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):  # empty at first in version 1
            if root.name == "cpuset":
                (group / file).write_text((root / file).read_text())


def remove_cgroups(name: str, patience_s: float = 10) -> None:
    """Remove the cgroups of this name with all below them; their processes have ended."""
    deadline = time.monotonic() + patience_s
    groups = [group for root in cgroup_roots() for group in root.glob(name)]
    for group in groups:
        while group.exists() and time.monotonic() < deadline:
            for below, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(below).rmdir()
            if group.exists():
                time.sleep(0.1)  # the kernel lets go of processes a little later
