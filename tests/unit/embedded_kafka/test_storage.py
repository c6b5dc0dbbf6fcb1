"""The broker's directory: whose it is, and what is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from embedded_kafka import BrokerError
from embedded_kafka.storage import Storage


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match=f"{tmp_path}/file/kafka cannot be used: Not a directory"):
        Storage(tmp_path / "file" / "kafka", "4.3.1").check()


def used_storage(path: Path, version: str) -> Storage:
    """A directory as Kafka of that version leaves it."""
    storage = Storage(path, version)
    storage.check()
    (storage.log_dir / "__cluster_metadata-0").mkdir(parents=True)
    (storage.log_dir / "meta.properties").write_text("version=1\n")
    storage.mark_used()
    storage.check()
    return storage


def test_messages_of_a_newer_kafka_are_left_alone(tmp_path: Path) -> None:
    used_storage(tmp_path, "4.10.0")
    with pytest.raises(BrokerError, match=r"written by Apache Kafka 4\.10\.0, which is newer"):
        Storage(tmp_path, "4.9.1").check()
    Storage(tmp_path, "4.10.0").check()
    Storage(tmp_path, "5.0.0").check()


@pytest.mark.parametrize("part", ["meta.properties", "__cluster_metadata-0"])
def test_half_a_directory_is_not_started_anew(tmp_path: Path, part: str) -> None:
    storage = used_storage(tmp_path, "4.3.1")
    (storage.log_dir / part).rename(tmp_path / "elsewhere")
    with pytest.raises(BrokerError, match=f"damaged: .*{part} is missing.*mv "):
        storage.check()


def test_one_broker_per_directory(tmp_path: Path) -> None:
    storage = Storage(tmp_path, "4.3.1")
    storage.check()
    lock = storage.lock()
    storage.sign(lock, 9092)
    with pytest.raises(
        BrokerError, match=f"in use by another broker: process {os.getpid()}, .*9092"
    ):
        Storage(tmp_path, "4.3.1").lock()
    os.close(lock)
    os.close(Storage(tmp_path, "4.3.1").lock())


def test_a_broker_whose_program_died_is_waited_for(tmp_path: Path) -> None:
    """The lock is held by a child (Java, in life) whose parent is gone, until the child ends."""
    script = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from embedded_kafka.storage import Storage\n"
        "storage = Storage(Path(sys.argv[1]), '4.3.1')\n"
        "storage.check()\n"
        "lock = storage.lock()\n"
        "storage.sign(lock, 9092)\n"
        "subprocess.Popen(['sleep', '1'], pass_fds=[lock])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    os.close(Storage(tmp_path, "4.3.1").lock())
