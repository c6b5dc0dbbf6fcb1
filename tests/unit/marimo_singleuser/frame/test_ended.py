"""Kernels that ended by themselves: what marimo's process writes and the frame reads."""

from __future__ import annotations

from pathlib import Path

from marimo_singleuser.frame import ended
from marimo_singleuser.frame.ended import EndedKernel

KILLED = EndedKernel("train.py", "/home/ada/train.py", ("s_1", "s_2"), 41, -9, False, 1000.5)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "state" / "ended.jsonl"
    assert ended.read(file) == []
    second = EndedKernel("__new__s_3", "", (), 42, None, False, 1001.0)
    ended.write(file, KILLED)
    ended.write(file, second)
    assert ended.read(file) == [KILLED, second]


def test_other_lines_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "ended.jsonl"
    ended.write(file, KILLED)
    with file.open("a") as lines:
        lines.write('[1]\n{"pid": 3}\n\x00\n{"sessions": 4}\n' + "x" * 70_000 + "\n")
    ended.write(file, KILLED)
    assert ended.read(file) == [KILLED], "the end of the file is enough"


def test_a_reason_is_what_a_person_can_use() -> None:
    limit = 4 * 2**30
    shown = ended.describe(KILLED, {41: 3 * 2**30}, limit)
    assert (shown["reason"], shown["size"], shown["limit"]) == ("signal 9", 3 * 2**30, limit)
    for code, memory, reason in ((-9, True, "memory"), (3, False, "exit code 3")):
        kernel = EndedKernel("a.py", "", (), 1, code, memory, 0)
        assert ended.describe(kernel, {}, limit)["reason"] == reason
        assert ended.describe(kernel, {}, limit)["size"] is None
