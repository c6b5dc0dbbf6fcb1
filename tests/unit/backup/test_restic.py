"""What restic's failures are in a sentence, and which backups can be read."""

from pathlib import Path

import pytest

from backup import manifest, restic
from backup.errors import BackupError
from backup.failures import NoRepository, explain
from backup.manifest import Manifest

FULL = "Fatal: unable to save snapshot: write /srv/repository/data: no space left on device"


@pytest.mark.parametrize(
    ("status", "said", "sentence"),
    [
        (12, "Fatal: wrong password or no key found", "is not that of /backups"),
        (11, "unable to create lock in backend", "Another backup is using /backups"),
        (1, FULL, "There is no space left at /backups"),
        (1, "open /x: permission denied\nFatal: no", "/backups cannot be written to: Fatal: no"),
        (1, "dial tcp: lookup s3.example.org: no such host", "/backups cannot be reached"),
        (1, "Host key verification failed.", "docker/secrets/backup_known_hosts"),
        (1, "Permission denied (publickey).\nFatal: unable to start the sftp session", "ssh_key?"),
        (1, "Fatal: s3.getCredentials: no credentials found.", "check docker/secrets/backup_s3"),
        (1, '{"message_type":"exit_error","message":"Fatal: odd"}', "with /backups: Fatal: odd"),
        (1, "", "it gave no reason"),
    ],
)
def test_a_failure_is_a_sentence(status: int, said: str, sentence: str) -> None:
    assert sentence in str(explain(status, said, "/backups"))


def test_a_missing_repository_is_told_apart() -> None:
    assert isinstance(explain(10, "", "/backups"), NoRepository)


SAVED = Manifest("moss", "sqlite", ("ada", "a.b"), ("ada", "a-2eb"), 6, 12, 1, secrets=True)


def test_a_manifest_reads_what_it_wrote() -> None:
    assert Manifest.from_json(SAVED.to_json()) == SAVED


@pytest.mark.parametrize(("other", "which"), [(-1, "an older"), (1, "a newer")])
def test_another_format_is_refused_with_a_sentence(other: int, which: str) -> None:
    text = SAVED.to_json().replace(
        f'"format": {manifest.FORMAT}', f'"format": {manifest.FORMAT + other}'
    )
    with pytest.raises(BackupError, match=f"from {which} version of Mosshub"):
        Manifest.from_json(text)


def test_something_else_is_no_backup() -> None:
    with pytest.raises(BackupError, match="no backup of Mosshub"):
        Manifest.from_json("{}")


def test_an_address_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "restic"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(restic, "PASSPHRASE", program)
    monkeypatch.setattr(restic, "ANSWER_TIMEOUT_S", 0.3)
    with pytest.raises(BackupError, match="and does the bucket exist"):
        restic.Restic("s3:https://s3.example.org/none").exists()
