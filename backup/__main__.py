"""`python -m backup …`: what `docker/backup` and `docker/restore` run in a container."""

import argparse
import signal
import sys

from backup import restore
from backup.create import create
from backup.errors import BackupError
from backup.listing import list_backups
from backup.restic import Restic
from backup.schedule import run_forever
from backup.settings import BackupSettings, load_settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backup", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("create", help="make a backup now")
    commands.add_parser("list", help="list the backups")
    commands.add_parser("schedule", help="make a backup every day")
    commands.add_parser("check-settings", help="print what is wrong with the settings")
    for name in ("restore-settings", "homes", "team", "restore-platform", "restore-user"):
        step = commands.add_parser(name, help="a step of docker/restore")
        step.add_argument("--snapshot", default="latest", help="id of a backup")
        if name == "restore-user":
            step.add_argument("name", help="whose files")
            step.add_argument("--file", default="", help="path of one file in the home")
            step.add_argument("--new", action="store_true", help="the home is new and empty")
    return parser


def _run(options: argparse.Namespace, settings: BackupSettings) -> str:
    repository = Restic(settings.backup_to)
    match options.command:
        case "create":
            return create(settings)
        case "list":
            return list_backups(repository)
        case "schedule":
            run_forever(settings)
        case "restore-settings":
            return restore.restore_settings(repository, options.snapshot)
        case "homes":
            return "\n".join(restore.homes(repository, options.snapshot))
        case "team":
            return "\n".join(restore.team(repository, options.snapshot))
        case "restore-platform":
            return restore.restore_platform(settings, repository, options.snapshot)
        case "restore-user":
            return restore.restore_user(
                repository, options.snapshot, options.name, options.file, is_new=options.new
            )
    return ""


def main() -> int:
    """Run a command; return the exit status."""
    # As the first process of a container Python would not end on `docker stop`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _parser().parse_args()
    try:
        if text := _run(options, load_settings()):
            print(text)
    except BackupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
