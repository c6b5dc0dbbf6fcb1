"""The broker's directory: whether it can be used, and by which process."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from mosshub_contract.files import write_atomically

from embedded_kafka.diagnosis import RESTORE
from embedded_kafka.errors import BrokerError

# Below this Kafka would stop in the middle of its work.
_MIN_FREE_BYTES = 100_000_000

# How long a broker whose program was killed may take to write its data and end, in seconds.
_ORPHAN_GRACE_S = 30.0


class Storage:
    """A data directory: `log/` (messages), `logs/` (Kafka's own log) and small files."""

    def __init__(self, directory: Path, version: str) -> None:
        self.directory = directory.expanduser().absolute()
        self.log_dir = self.directory / "log"
        self.log_file = self.directory / "logs" / "server.log"
        self._version = version
        self._version_file = self.directory / "kafka.version"

    @property
    def is_formatted(self) -> bool:
        """Whether a broker has been set up here before."""
        return (self.log_dir / "meta.properties").exists()

    def check(self) -> None:
        """Make the directory if it does not exist, and check that a broker can use it.

        Raises:
            BrokerError: it cannot be made, read or written; its disk is full; its data is damaged,
                or was written by a newer Kafka.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.log_file.parent.mkdir(exist_ok=True)
            for path in (self.directory, self.log_file.parent, self.log_dir):
                if path.exists():
                    next(path.iterdir(), None)  # an unreadable one raises here
                    tempfile.TemporaryFile(dir=path).close()
            free = shutil.disk_usage(self.directory).free
            used = self.log_dir.exists() and any(self.log_dir.iterdir())
            written_by = (
                self._version_file.read_text("utf-8") if self._version_file.exists() else ""
            )
        except OSError as error:
            raise BrokerError(
                f"The broker's data directory {self.directory} cannot be used: {error.strerror} "
                f"({error.filename or self.directory}). Make it readable and writable for this "
                "user, or choose another directory."
            ) from None
        if free < _MIN_FREE_BYTES:
            raise BrokerError(
                f"The disk of {self.directory} is full: {free / 1e6:.0f} MB are free, and the "
                f"broker wants {_MIN_FREE_BYTES / 1e6:.0f} MB. Free some space, or choose another "
                "directory."
            )
        if _numbers(written_by) > _numbers(self._version):
            raise BrokerError(
                f"The messages in {self.directory} were written by Apache Kafka {written_by}, "
                f"which is newer than {self._version}. Update this program, or choose another "
                "directory."
            )
        # Without its metadata Kafka would start empty, and then delete the topics it does not know.
        metadata = self.log_dir / "__cluster_metadata-0"
        for part in (self.log_dir / "meta.properties", *([metadata] if written_by else [])):
            if used and not part.exists():
                raise BrokerError(
                    f"The data in {self.directory} is damaged: {part} is missing. "
                    f"{RESTORE.format(data_dir=self.directory)}"
                )

    def mark_used(self) -> None:
        """Record that this version of Kafka has written here."""
        if not self._version_file.exists() or self._version_file.read_text() != self._version:
            write_atomically(self._version_file, self._version)

    def lock(self) -> int:
        """Lock the directory for one broker, and return the lock's file descriptor.

        The lock is the kernel's (flock). Java inherits it, so it ends exactly when Java does, and a
        `kill -9` leaves nothing to clean up. A broker whose program is gone gets 30 s to end.

        Raises:
            BrokerError: another broker uses the directory.
        """
        descriptor = os.open(self.directory / "broker.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _ORPHAN_GRACE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                holder = self._holder(descriptor)
                if _is_alive(holder.get("program")) or time.monotonic() > deadline:
                    os.close(descriptor)
                    raise BrokerError(
                        f"The data directory {self.directory} is in use by another broker: "
                        f"process {holder.get('program', '?')}, port {holder.get('port', '?')}. "
                        "Stop that one, connect to it, or choose another directory."
                    ) from None
                time.sleep(0.1)

    def sign(self, descriptor: int, port: int) -> None:
        """Write this process and its port into the lock, for the error of a second broker."""
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"program": os.getpid(), "port": port}).encode(), 0)

    @staticmethod
    def _holder(descriptor: int) -> dict[str, int]:
        try:
            holder = json.loads(os.pread(descriptor, 4096, 0))
        except ValueError:  # between taking the lock and signing it
            return {}
        return holder if isinstance(holder, dict) else {}


def _is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
        # Killed, but its parent (a hub checks every 30 s) has not reaped it: "12 (name) Z 1 ..."
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        return status.rpartition(")")[2].split()[0] not in ("Z", "X")
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # gone since, or a system without /proc
        return not Path("/proc/self").exists()
    except PermissionError:  # another user's
        return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
