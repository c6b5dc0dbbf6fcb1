"""Runs restic on one repository.

The passphrase and keys are files that restic reads; no secret is in an argument.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from backup.errors import BackupError
from backup.failures import NoRepository, explain
from backup.places import CACHE, PASSPHRASE, REPOSITORY, SECRETS

#: restic asks a bucket that is not there again and again, for a quarter of an hour.
ANSWER_TIMEOUT_S = 120.0
_INCOMPLETE = 3  # exit status: some files could not be read
_TAG = "mosshub"


class Saved(NamedTuple):
    """A snapshot that was made.

    Attributes:
        snapshot: its id.
        unread: the files that could not be read.
    """

    snapshot: str
    unread: tuple[str, ...]


class Restic:
    """A repository.

    Args:
        address: an absolute path of the host, or an address as restic knows it.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        is_directory = address.startswith("/")
        # On the host a path, in this container the place where that is mounted.
        self._repository = str(REPOSITORY) if is_directory else address

    def _command(self, *arguments: str) -> list[str]:
        options = ["--repo", self._repository, "--password-file", str(PASSPHRASE)]
        options += ["--cache-dir", str(CACHE)]
        key = SECRETS / "backup_ssh_key"
        if self._repository.startswith("sftp:"):
            known = SECRETS / "backup_known_hosts"
            ssh = f"-i {key} -o BatchMode=yes -o StrictHostKeyChecking=yes"
            options += ["-o", f"sftp.args={ssh} -o UserKnownHostsFile={known}"]
        return ["restic", *options, *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "AWS_SHARED_CREDENTIALS_FILE": str(SECRETS / "backup_s3")}

    def run(
        self, *arguments: str, allowed: Iterable[int] = (0,), timeout_s: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run restic.

        Args:
            arguments: the command and its options.
            allowed: exit statuses that are no failure.
            timeout_s: seconds until the repository must have answered.

        Raises:
            BackupError: it failed.
        """
        if not PASSPHRASE.is_file():
            raise BackupError(
                "The passphrase of the backups is missing: write it into "
                "docker/secrets/backup_passphrase."
            )
        try:
            done = subprocess.run(
                self._command(*arguments),
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise BackupError(
                f"{self.address} gave no answer for {timeout_s:.0f} s. Is it reachable from this "
                "host, and does the bucket exist?"
            ) from None
        if done.returncode not in allowed:
            raise explain(done.returncode, done.stderr + done.stdout[-2000:], self.address)
        return done

    def exists(self) -> bool:
        """Return whether there is a repository; a wrong passphrase is an error."""
        try:
            self.run("cat", "config", "--no-lock", timeout_s=ANSWER_TIMEOUT_S)
        except NoRepository:
            return False
        return True

    def create(self) -> None:
        """Make the repository."""
        self.run("init")

    def remove_dead_locks(self) -> None:
        """Remove the locks of backups of this platform that were killed.

        Call it only while no other backup of this platform runs. Locks of other hosts stay, unless
        restic itself sees that they are dead (nobody has refreshed them for half an hour).
        """
        owners = {self._lock(lock)["hostname"] for lock in self._ids("locks")}
        if owners == {socket.gethostname()}:
            self.run("unlock", "--remove-all")
        elif owners:
            self.run("unlock")

    def _ids(self, kind: str) -> list[str]:
        return self.run("list", kind, "--no-lock", "--quiet").stdout.split()

    def _lock(self, lock: str) -> dict[str, Any]:
        return json.loads(self.run("cat", "lock", lock, "--no-lock", "--quiet").stdout)

    def backup(self, paths: Iterable[Path], exclude: Iterable[Path], platform: str) -> Saved:
        """Save these paths as a snapshot.

        Args:
            paths: files and directories.
            exclude: what below them is left out.
            platform: the name of the platform, by which its snapshots are found.

        Returns:
            The snapshot's id, and the files that could not be read.
        """
        options = [f"--exclude={path}" for path in exclude]
        options += ["--host", platform, "--tag", _TAG, "--group-by", "host", "--json"]
        options += ["--retry-lock", "5m"]
        done = self.run("backup", *options, *map(str, paths), allowed=(0, _INCOMPLETE))
        unread, snapshot = [], ""
        for message in _messages(done.stdout + "\n" + done.stderr):
            if message.get("message_type") == "error":
                unread.append(str(message.get("item", "")))
            elif message.get("message_type") == "summary":
                snapshot = message["snapshot_id"]
        if not snapshot:
            raise explain(done.returncode, done.stderr, self.address)
        return Saved(snapshot, tuple(unread))

    def forget(self, keep: Mapping[str, int], platform: str) -> None:
        """Delete the snapshots of a platform beyond those to keep."""
        options = [f"--keep-{what}={count}" for what, count in keep.items() if count]
        if options:
            named = ["--host", platform, "--tag", _TAG, "--group-by", "host"]
            self.run("forget", *named, *options, "--prune", "--retry-lock", "5m", "--quiet")

    def check(self) -> None:
        """Check that every snapshot is whole."""
        self.run("check", "--retry-lock", "5m", "--quiet")

    def snapshots(self, which: str = "") -> list[dict[str, Any]]:
        """Return what restic knows of a snapshot, or of all of Mosshub, the oldest first."""
        named = [which] if which else []
        found = self.run(
            *("snapshots", "--json", "--no-lock", "--tag", _TAG, *named),
            timeout_s=ANSWER_TIMEOUT_S,
        ).stdout
        return sorted(json.loads(found or "[]") or [], key=lambda snapshot: snapshot["time"])

    def read(self, snapshot: str, path: Path) -> str:
        """Return the content of a small file in a snapshot."""
        return self.run("dump", "--no-lock", snapshot, str(path)).stdout

    def restore(self, snapshot: str, source: Path, target: Path, include: str = "") -> None:
        """Restore a directory of a snapshot into `target`.

        Args:
            snapshot: its id.
            source: the directory, as it is in the snapshot.
            target: a directory, which gets the content of `source`.
            include: a path below `source`, which is all that is restored.
        """
        options = [f"--include=/{_literal(include)}"] if include else []
        self.run("restore", f"{snapshot}:{source}", "--target", str(target), "--no-lock", *options)


def _messages(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _literal(path: str) -> str:
    """Return a pattern for exactly this path."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", path.strip("/"))
