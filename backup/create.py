"""A whole backup of the running platform, as one snapshot."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup import database, topics
from backup.broker import Broker
from backup.errors import BackupError
from backup.manifest import Manifest
from backup.places import (
    DATABASES,
    LOCK,
    MANIFEST,
    OWN_SECRETS,
    SECRETS,
    SETTINGS,
    STAGING,
    TEAM,
    TOPICS,
    certificates,
    home_volumes,
    team_volumes,
)
from backup.restic import Restic
from backup.settings import BackupSettings


def create(settings: BackupSettings) -> str:
    """Make a backup, delete those that are not kept any more, and check the repository.

    The snapshot is there as a whole or not at all: whatever ends this, the last one stays good.

    Args:
        settings: the settings of backups.

    Returns:
        A sentence that says what was saved.

    Raises:
        BackupError: no snapshot was made, or the check found damage.
    """
    if not settings.backup_to:
        raise BackupError(
            "Say where backups go: make backup TO=/a/directory, or BACKUP_TO in docker/.env."
        )
    with only_one():
        repository = Restic(settings.backup_to)
        if repository.exists():
            repository.remove_dead_locks()
        else:
            repository.create()
        try:
            manifest = _stage(settings)
            saved = repository.backup(
                _paths(settings), [SECRETS / name for name in OWN_SECRETS], settings.instance
            )
        except OSError as error:
            raise BackupError(
                f"The backup could not be put together: {error}. It needs room in Docker's volumes "
                "for the messages; the backups that were there stay."
            ) from error
        finally:
            shutil.rmtree(STAGING, ignore_errors=True)
        if lost := [name for name in saved.unread if name.startswith(str(STAGING))]:
            raise BackupError(f"The backup is not whole: {lost[0]} could not be read.")
        repository.forget(settings.keep, settings.instance)
        repository.check()
    text = f"Saved {describe(manifest)} in {settings.backup_to} as {saved.snapshot[:8]}."
    if saved.unread:
        names = ", ".join(saved.unread[:3])
        text += f" {len(saved.unread)} files vanished or could not be read: {names}."
    return text


def describe(manifest: Manifest) -> str:
    """Return what a backup holds, as a part of a sentence."""
    secrets = "secrets" if manifest.secrets else "no secrets"
    return (
        f"{len(manifest.users)} users, {len(manifest.homes)} homes, {manifest.messages:,} messages "
        f"of {manifest.topics} topics, {manifest.groups} consumer groups, {secrets}"
    )


@contextmanager
def only_one() -> Iterator[None]:
    """Let one backup of this platform run at a time; a killed one holds nobody up.

    Raises:
        BackupError: another one runs.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("A backup of this platform runs already.") from None
        yield


def _stage(settings: BackupSettings) -> Manifest:
    """Put the parts together that are no files of their own."""
    shutil.rmtree(STAGING, ignore_errors=True)  # of a backup that was killed
    STAGING.mkdir(parents=True, mode=0o700)
    url = settings.hub_database
    database.save(url, DATABASES)
    saved = topics.Saved(0, 0, 0) if settings.kafka_own else _save_topics(settings)
    manifest = Manifest(
        instance=settings.instance,
        database=database.kind(url),
        users=tuple(sorted(user.name for user in database.users(url, DATABASES))),
        homes=tuple(home_volumes(settings.instance)),
        topics=saved.topics,
        messages=saved.messages,
        groups=saved.groups,
        secrets=settings.backup_secrets,
    )
    MANIFEST.write_text(manifest.to_json())
    return manifest


def _save_topics(settings: BackupSettings) -> topics.Saved:
    broker = Broker(settings.kafka_admin_server, (SECRETS / "broker_secret").read_text().strip())
    try:
        return topics.save(broker, TOPICS)
    finally:
        broker.close()


def _paths(settings: BackupSettings) -> list[Path]:
    paths = [STAGING, SETTINGS, TEAM, *home_volumes(settings.instance).values()]
    paths += team_volumes(settings.instance)
    if settings.backup_secrets:
        paths.append(SECRETS)
        if certificates(settings.instance).is_dir():
            paths.append(certificates(settings.instance))  # with the keys that belong to them
    return paths
