"""Memory, processors and disk on the start page."""

from __future__ import annotations

from marimo_singleuser.disk import DiskUse
from marimo_singleuser.frame.status import Load
from marimo_singleuser.start_page.usage import meters

GIB = 2**30


def test_each_amount_is_shown_against_its_limit_and_marked_near_it() -> None:
    load = Load(memory=int(3.5 * GIB), memory_limit=4 * GIB, cpu=0.25, cpu_limit=1.0)
    memory, cpu, disk = meters(load, DiskUse(6 * GIB, 5 * GIB, is_complete=False))
    assert (memory.name, memory.text, memory.is_high) == ("Memory", "3.5 of 4.0 GB", True)
    assert (cpu.text, cpu.is_high) == ("0.2 of 1 core", False)
    assert (disk.text, disk.share, disk.is_high) == ("at least 6.0 of 5.0 GB", 1.0, True)
    assert [meter.name for meter in meters(load, None)] == ["Memory", "Processor"]
