"""What the user's files take, and what they are told."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from marimo_singleuser import disk
from marimo_singleuser.disk import Disk, DiskUse, measure, warning

from tests.support.singleuser_settings import settings_in

MIB = 2**20


def fill(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))


def test_files_are_measured_as_du_does(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    fill(elsewhere / "large", 9 * MIB)
    fill(home / "deep" / "er" / "file", 2 * MIB)
    fill(home / "other", MIB)
    os.link(home / "other", home / "again")  # one file with two names
    (home / "link").symlink_to(elsewhere)
    os.mkfifo(home / "pipe")
    os.truncate(home / "other", 512 * MIB)  # a hole takes no room
    use = measure(home, 8 * MIB)
    assert use.is_complete and 3 * MIB <= use.used < 3.2 * MIB
    assert use.limit == 8 * MIB
    room = measure(home, 0).limit  # without a limit it is what the file system has
    assert use.used < room <= use.used + os.statvfs(home).f_bavail * os.statvfs(home).f_frsize * 1.1


def test_a_measurement_ends_in_time(tmp_path: Path) -> None:
    fill(tmp_path / "file", MIB)
    assert not measure(tmp_path, MIB, max_s=-1).is_complete


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (0.80, ""),
        (0.86, "Your files take 4.3 of 5.0 GB. Delete what you no longer need."),
        (1.02, "Your files take 5.1 of 5.0 GB. Notebooks are still saved, but until you delete"),
    ],
)
def test_the_user_is_told_before_and_at_the_limit(used: float, said: str) -> None:
    told = warning(DiskUse(int(used * 5 * 2**30), 5 * 2**30))
    assert told.startswith(said) and bool(told) == bool(said)
    assert warning(None) == ""


def test_the_limit_is_known_to_marimo_and_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        monkeypatch.setattr(disk, "_SOON_S", 0)
        home, full = tmp_path / "home", tmp_path / "disk-full"
        settings = settings_in(home, MOSSHUB_DISK_LIMIT=str(2 * MIB))
        settings.state.mkdir(parents=True)
        fill(home / "data", 3 * MIB)
        one = Disk(settings, full)
        assert one.use is None

        async def measured(disk: Disk, *, is_full: bool) -> None:
            disk.refresh(soon=True)
            for _ in range(500):
                await asyncio.sleep(0.01)
                if disk.use and disk.use.is_full == is_full and full.exists() == is_full:
                    return
            raise AssertionError(disk.use)

        await measured(one, is_full=True)
        again = Disk(settings, tmp_path / "another")
        assert again.use and again.use.is_full, "the next start copies nothing"
        (home / "data").unlink()
        await measured(one, is_full=False)
        await asyncio.sleep(0.05)

    asyncio.run(story())


def test_room_that_was_made_counts_at_once(tmp_path: Path) -> None:
    settings = replace(settings_in(tmp_path), disk_limit=4 * MIB)
    settings.state.mkdir(parents=True)
    fill(settings.home / "large", 5 * MIB)

    async def use() -> Disk:
        made = Disk(settings, tmp_path / "full")
        await made._measure()
        return made

    measured = asyncio.run(use())
    assert measured.is_full() and (tmp_path / "full").exists()
    (settings.home / "large").unlink()
    assert not measured.is_full() and not (tmp_path / "full").exists()
    assert not Disk(settings, tmp_path / "full").is_full(), "the next start knows it as well"
