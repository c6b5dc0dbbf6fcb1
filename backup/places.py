"""Where the parts of a backup are: the same paths in the container and in every snapshot."""

from pathlib import Path

#: What is put together for a backup, in a volume of its own, and gone when the backup is made.
STAGING = Path("/srv/backup/staging")
#: restic's cache, and what became of the last backup.
CACHE = Path("/srv/backup/cache")
LAST = Path("/srv/backup/last.json")
LOCK = Path("/srv/backup/lock")

#: The repository, if it is a directory of the host.
REPOSITORY = Path("/srv/repository")

#: The hub's volume, all volumes of the engine, and what `docker/` has of this platform.
HUB = Path("/srv/mosshub/data/hub")
VOLUMES = Path("/srv/volumes")
SECRETS = Path("/run/mosshub/secrets")
SETTINGS = Path("/run/mosshub/settings")
TEAM = Path("/run/mosshub/team")

#: Secrets that only backups themselves need. Who restores has them already.
OWN_SECRETS = ("backup_passphrase", "backup_s3", "backup_ssh_key", "backup_known_hosts")
PASSPHRASE = SECRETS / "backup_passphrase"

#: While something is restored: `docker/` of the host, homes, certificates and the hub's volume.
RESTORED_DOCKER = Path("/srv/docker")
RESTORED_HOMES = Path("/srv/homes")
RESTORED_TEAM = Path("/srv/team")
RESTORED_CERTIFICATES = Path("/srv/certificates")
RESTORED_HUB = Path("/srv/hub/hub")

#: Parts of `STAGING`.
MANIFEST = STAGING / "manifest.json"
TOPICS = STAGING / "topics"
DATABASES = STAGING / "hub"


def home_volumes(instance: str) -> dict[str, Path]:
    """Return the homes that exist, by the end of the volume's name (`safe_name` of the user)."""
    prefix = f"{instance}_home_"
    return {
        path.name.removeprefix(prefix): path / "_data"
        for path in sorted(VOLUMES.glob(f"{prefix}*"))
        if (path / "_data").is_dir()
    }


def team_volumes(instance: str) -> list[Path]:
    """Return the parts of the team's folder that exist (`hub.team_folder.mounts`)."""
    found = [VOLUMES / f"{instance}_team", *sorted(VOLUMES.glob(f"{instance}_team_*"))]
    return [path / "_data" for path in found if (path / "_data").is_dir()]


def certificates(instance: str) -> Path:
    """Return where Caddy's certificates are, and its own authority."""
    return VOLUMES / f"{instance}_caddy-data" / "_data"
