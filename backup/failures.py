"""Says in a sentence what went wrong in restic."""

import json
import re

from backup.errors import BackupError

# restic's exit statuses (https://restic.readthedocs.io, Scripting).
_NO_REPOSITORY, _LOCKED, _WRONG_PASSPHRASE = 10, 11, 12

_SENTENCES = (
    (r"no space left on device|disk quota exceeded", "There is no space left at {address}, or in "
     "Docker's volumes. The backups that were there stay. Make room, and run make backup again."),
    (r"no such host|could not resolve|connection refused|i/o timeout|dial tcp",
     "{address} cannot be reached: {said}"),
    (r"host key verification failed|unable to start the sftp session", "{address} lets no SFTP "
     "session begin. Is the host's key in docker/secrets/backup_known_hosts (ssh-keyscan HOST), "
     "and does it know the key docker/secrets/backup_ssh_key? {said}"),
    (r"read-only file system|permission denied", "{address} cannot be written to: {said}"),
    (r"no credentials found|access denied|access key|signature", "{address} does not let us in: "
     "check docker/secrets/backup_s3. {said}"),
    (r"unsupported repository version|config version", "{address} was made by another version of "
     "restic: {said}"),
)  # fmt: skip


class NoRepository(BackupError):
    """There is no repository at the address."""


def explain(status: int, said: str, address: str) -> BackupError:
    """Return what restic's failure means.

    Args:
        status: its exit status.
        said: what it printed.
        address: the repository, as a person named it.
    """
    last = _last_line(said)
    if status == _NO_REPOSITORY:
        return NoRepository(f"There are no backups at {address}.")
    if status == _WRONG_PASSPHRASE:
        return BackupError(
            f"The passphrase in docker/secrets/backup_passphrase is not that of {address}. Write "
            "the right one there; nobody can read the backups without it."
        )
    if status == _LOCKED:
        return BackupError(f"Another backup is using {address}. Try again when it has ended.")
    for pattern, sentence in _SENTENCES:
        if re.search(pattern, said, re.IGNORECASE):
            return BackupError(sentence.format(address=address, said=last))
    return BackupError(f"restic could not work with {address}: {last}")


def _last_line(said: str) -> str:
    for line in reversed(said.strip().splitlines()):
        if line.startswith("{"):
            message = json.loads(line)
            line = message.get("message") or message.get("error", {}).get("message", "")
        if line.strip():
            return line.strip()
    return "it gave no reason"
