"""Kept outputs on a disk that is full."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from marimo._session.state import serialize
from marimo_singleuser.marimo_patches import outputs_file
from mosshub_contract import disk_limit
from mosshub_contract.team_folder import DIRECTORY_VARIABLE


class View:
    """Outputs that have changed once."""

    changed = True

    def needs_export(self, kind: str) -> bool:
        return self.changed

    def mark_auto_export_session(self) -> None:
        self.changed = False


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A writer of a notebook's outputs, whose file has the outputs of before."""
    monkeypatch.setattr(outputs_file, "_AGAIN_S", 0.02)
    monkeypatch.setattr(serialize, "serialize_session_view", lambda *a, **k: {"cells": "new"})
    file = tmp_path / "first.py.json"
    file.write_text("outputs of before")
    document: Any = SimpleNamespace(cell_ids=[])
    view: Any = View()
    made = serialize.SessionCacheWriter(view, document, file, interval=0.02)
    made.running = True
    return made


async def run_for(writer: Any, seconds: float) -> None:
    task = asyncio.ensure_future(outputs_file.run_and_try_again(writer))
    await asyncio.sleep(seconds)
    assert not task.done(), task
    task.cancel()


def test_outputs_that_cannot_be_written_stay_as_they_were(
    writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as without_room:
            without_room.setattr("os.fsync", full)
            await run_for(writer, 0.2)
        assert (tmp_path / "first.py.json").read_text() == "outputs of before"
        writer.session_view.changed = True
        await run_for(writer, 0.5)
        assert '"new"' in (tmp_path / "first.py.json").read_text()

    asyncio.run(story())


@pytest.mark.parametrize("place", ["own", "team"])
def test_nothing_is_kept_while_the_files_take_more_than_they_may(
    writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    async def story() -> None:
        mark = tmp_path / "disk-full"
        mark.touch()
        notebook = tmp_path / "team" / "lab" / "ours.py"
        if place == "team":
            notebook.parent.mkdir(parents=True)
            monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "team"))
            monkeypatch.setattr(writer, "notebook_path", notebook)
            monkeypatch.setenv(disk_limit.TEAM_VARIABLE, str(mark))
        else:
            monkeypatch.setenv(disk_limit.VARIABLE, str(mark))
        task = asyncio.ensure_future(outputs_file.run_and_try_again(writer))
        await asyncio.sleep(0.2)
        assert (tmp_path / "first.py.json").read_text() == "outputs of before"
        mark.unlink()
        await asyncio.sleep(0.5)
        assert '"new"' in (tmp_path / "first.py.json").read_text(), "what changed meanwhile"
        task.cancel()

    asyncio.run(story())
