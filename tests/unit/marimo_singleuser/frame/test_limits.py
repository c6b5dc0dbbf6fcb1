"""What a server has used, read from the files of control groups as Linux writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from marimo_singleuser.frame.limits import Usage, read_usage

V2 = {
    "memory.current": "1073741824\n",
    "memory.max": "4294967296\n",
    "memory.stat": "anon 900000000\ninactive_file 73741824\n",
    "memory.events": "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\n",
    "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\n",
    "cpu.max": "150000 100000\n",
}
V1 = {
    "memory/memory.usage_in_bytes": "1073741824\n",
    "memory/memory.limit_in_bytes": "4294967296\n",
    "memory/memory.stat": "cache 5\ntotal_inactive_file 73741824\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "cpu/cpu.cfs_quota_us": "150000\n",
    "cpu/cpu.cfs_period_us": "100000\n",
    "cpuacct/cpuacct.usage": "2500000000\n",
}
USED = Usage(memory=10**9, memory_limit=4 * 2**30, cpu_s=2.5, cpu_limit=1.5, oom_kills=1)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize("files", [V2, V1], ids=["version 2", "version 1"])
def test_usage_and_limits(tmp_path: Path, files: dict[str, str]) -> None:
    assert read_usage(write(tmp_path, files)) == USED


@pytest.mark.parametrize(
    "files",
    [
        V2 | {"memory.max": "max\n", "cpu.max": "max 100000\n"},
        V1 | {"memory/memory.limit_in_bytes": f"{2**63 - 4096}\n", "cpu/cpu.cfs_quota_us": "-1\n"},
    ],
    ids=["version 2", "version 1"],
)
def test_no_limit(tmp_path: Path, files: dict[str, str]) -> None:
    usage = read_usage(write(tmp_path, files))
    assert usage is not None
    assert (usage.memory_limit, usage.cpu_limit) == (None, None)


@pytest.mark.parametrize("files", [{}, {"memory.current": "no number\n"}, {"memory.current": "1"}])
def test_no_control_group(tmp_path: Path, files: dict[str, str]) -> None:
    assert read_usage(write(tmp_path, files)) is None
