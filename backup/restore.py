"""Bring a backup back: settings and secrets, then the platform, or files of one person.

`docker/restore` calls the steps one after the other, because only the host can make volumes and
start the broker.
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from backup import accounts, database, topics
from backup.broker import Broker
from backup.create import describe, only_one
from backup.database import OWNER
from backup.errors import BackupError
from backup.manifest import Manifest
from backup.places import (
    DATABASES,
    MANIFEST,
    RESTORED_CERTIFICATES,
    RESTORED_DOCKER,
    RESTORED_HOMES,
    RESTORED_HUB,
    RESTORED_TEAM,
    SECRETS,
    SETTINGS,
    STAGING,
    TEAM,
    TOPICS,
    VOLUMES,
    certificates,
)
from backup.restic import Restic
from backup.settings import BackupSettings
from hub.signin.names import safe_name


def find(repository: Restic, which: str) -> tuple[str, Manifest]:
    """Return the id and the manifest of a snapshot.

    Args:
        repository: the repository.
        which: its id, or `latest`.

    Raises:
        BackupError: there is none, or it has another format.
    """
    found = repository.snapshots("" if which == "latest" else which)
    if not found:
        raise BackupError(f"There are no backups at {repository.address}.")
    snapshot = found[-1]["id"]
    return snapshot, Manifest.from_json(repository.read(snapshot, MANIFEST))


def restore_settings(repository: Restic, which: str) -> str:
    """Write settings, secrets and the team's logo below `RESTORED_DOCKER`, where they are missing.

    Returns:
        What was written, as sentences.
    """
    snapshot, manifest = find(repository, which)
    said = []
    settings = RESTORED_DOCKER / "settings"
    if not settings.exists():
        settings.write_text(repository.read(snapshot, SETTINGS))
        _give_to_owner_of(RESTORED_DOCKER, settings)
        settings.chmod(0o600)
        said.append("The settings are those of the backup.")
    _fill(repository, snapshot, TEAM, RESTORED_DOCKER / "team")
    if manifest.secrets:
        _fill(repository, snapshot, SECRETS, RESTORED_DOCKER / "secrets")
        return " ".join([*said, "Secrets that were missing are those of the backup."])
    return " ".join(
        [
            *said,
            "The backup has no secrets. So this platform gets new ones: users sign in again, and "
            "their accounts on the broker have new passwords.",
        ]
    )


def _fill(repository: Restic, snapshot: str, source: Path, target: Path) -> None:
    """Restore the files of a directory that are not in `target` yet."""
    half = STAGING / "restored"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    repository.restore(snapshot, source, half)
    target.mkdir(exist_ok=True)
    for path in sorted(half.iterdir()):
        if path.is_file() and not (target / path.name).exists():
            shutil.copy2(path, target)
            _give_to_owner_of(target, target / path.name)
    shutil.rmtree(half)


def _give_to_owner_of(directory: Path, path: Path) -> None:
    """Make a file that root wrote here the file of whoever runs `docker/restore`."""
    owner = directory.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def homes(repository: Restic, which: str) -> list[str]:
    """Return the ends of the names of the volumes that the homes of a backup need."""
    return list(find(repository, which)[1].homes)


def team(repository: Restic, which: str) -> list[str]:
    """Return the names of the volumes of the team's folder in a backup, without the instance's."""
    snapshot, manifest = find(repository, which)
    return [name for name, _ in _team(repository, snapshot, manifest)]


def _team(repository: Restic, snapshot: str, manifest: Manifest) -> list[tuple[str, Path]]:
    """Return the same, each with its path in the snapshot."""
    paths = [Path(path) for s in repository.snapshots(snapshot) for path in s["paths"]]
    found = [(p.parent.name.removeprefix(f"{manifest.instance}_"), p) for p in paths]
    return [(name, path) for name, path in found if name == "team" or name.startswith("team_")]


def restore_platform(settings: BackupSettings, repository: Restic, which: str) -> str:
    """Restore homes, the team's folder, certificates, topics and databases, and make the accounts.

    A restore that was cut off may run again: the hub's database, which comes last, tells whether
    the platform is new.

    Returns:
        What was restored, as sentences.

    Raises:
        BackupError: the platform is in use, or the backup cannot be read.
    """
    url = settings.hub_database
    if not database.is_new(url):
        raise BackupError(
            f"{settings.instance} has users already, and a restore would overwrite them. Restore "
            "under another name (INSTANCE), or delete its volumes first: "
            "docker/compose down --volumes."
        )
    snapshot, manifest = find(repository, which)
    if manifest.database != database.kind(url):
        raise BackupError(
            f"The backup has a hub's database of {manifest.database}, and DATABASE_URL names "
            f"another. Restore with the same kind; make migrate-database then copies to Postgres."
        )
    with only_one():
        for name in manifest.homes:
            old = VOLUMES / f"{manifest.instance}_home_{name}" / "_data"
            _restore_home(repository, snapshot, old, RESTORED_HOMES / name)
        for name, old in _team(repository, snapshot, manifest):
            _restore_home(repository, snapshot, old, RESTORED_TEAM / name)
        if manifest.secrets and RESTORED_CERTIFICATES.is_dir():
            _restore_certificates(repository, snapshot, manifest)
        shutil.rmtree(STAGING, ignore_errors=True)
        STAGING.mkdir(parents=True, mode=0o700)
        try:
            repository.restore(snapshot, STAGING, STAGING)
            said = _restore_staged(settings, url)
        finally:
            shutil.rmtree(STAGING, ignore_errors=True)
    return f"Restored {describe(manifest)}. {said}"


def _restore_home(
    repository: Restic, snapshot: str, source: Path, target: Path, file: str = ""
) -> None:
    """Restore a home, or one file of it, into a directory that becomes its user's."""
    os.chown(target, OWNER, OWNER)
    target.chmod(0o700)
    repository.restore(snapshot, source, target, file)


def _restore_certificates(repository: Restic, snapshot: str, manifest: Manifest) -> None:
    source = certificates(manifest.instance)
    if any(path == str(source) for s in repository.snapshots(snapshot) for path in s["paths"]):
        repository.restore(snapshot, source, RESTORED_CERTIFICATES)


def _restore_staged(settings: BackupSettings, url: str) -> str:
    if settings.kafka_own or not TOPICS.is_dir():
        database.restore(url, DATABASES)
        return "Messages were left to the team's own Kafka."
    secret = (SECRETS / "broker_secret").read_text().strip()
    broker = Broker(settings.kafka_admin_server, secret)
    try:
        topics.restore(broker, TOPICS)
    finally:
        broker.close()
    database.restore(url, DATABASES)
    users = database.users(url, RESTORED_HUB)
    count = accounts.restore(settings, secret, users, topics.accounts(TOPICS), RESTORED_HUB)
    return f"{count} users have their accounts on the broker."


def restore_user(repository: Restic, which: str, name: str, file: str, *, is_new: bool) -> str:
    """Restore the files of one person, or one file or directory of theirs.

    If their home is there, what is restored goes into a new directory of it: nothing that they have
    now is overwritten.

    Args:
        repository: the repository.
        which: the snapshot's id, or `latest`.
        name: the person's name in the hub.
        file: path of the file in the home; empty for everything.
        is_new: whether the home was made for this, and is empty.

    Returns:
        Where the files are, as a sentence.

    Raises:
        BackupError: the backup does not have them.
    """
    snapshot, manifest = find(repository, which)
    if safe_name(name) not in manifest.homes:
        raise BackupError(
            f"The backup has no files of {name}. It has: {', '.join(manifest.users)}."
        )
    target = RESTORED_HOMES / safe_name(name)
    if not is_new:
        target /= f"restored-{datetime.now():%Y-%m-%d-%H%M%S}"
        target.mkdir()
    source = VOLUMES / f"{manifest.instance}_home_{safe_name(name)}" / "_data"
    _restore_home(repository, snapshot, source, target, file)
    if not any(target.iterdir()):
        if not is_new:
            target.rmdir()
        raise BackupError(f"The backup has no file {file} of {name}.")
    where = "their home" if is_new else f"{target.name} in their home"
    return f"Restored {file or 'all files'} of {name} to {where}."
