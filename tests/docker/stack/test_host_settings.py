"""Settings that compose hands on as they are: memory of the broker and of the backups."""

from pathlib import Path

from tests.docker.stack.test_monitoring import services


def test_the_brokers_memory_and_heap(tmp_path: Path) -> None:
    found = services(tmp_path, KAFKA_MEMORY="3g", KAFKA_HEAP="2g")["kafka"]
    assert int(found["mem_limit"]) == 3 * 2**30
    assert found["environment"]["KAFKA_HEAP_OPTS"] == "-Xms2g -Xmx2g"


def test_the_memory_of_the_backups(tmp_path: Path) -> None:
    found = services(tmp_path, BACKUP_TO=str(tmp_path), BACKUP_AT="03:30", BACKUP_MEMORY="2g")[
        "backup"
    ]
    assert int(found["mem_limit"]) == 2 * 2**30
