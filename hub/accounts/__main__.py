"""`python -m hub.accounts`: compare the accounts of hub and broker, or print a service's."""

import argparse
import asyncio
import sys

from jupyterhub import orm
from mosshub_contract.broker_account import BrokerAccount
from sqlalchemy.exc import SQLAlchemyError

from hub.accounts import hub_user, make_reconciler
from hub.accounts.acls import service_account
from hub.accounts.kafka_admin import BrokerUnavailable
from hub.accounts.reconciler import Drift, HubUser
from hub.broker import broker_secret, way_of_accounts
from hub.database import DatabaseUnavailable, database_url, is_postgres, sqlite_file
from hub.settings import Settings, SettingsError, load_settings

_DESCRIPTIONS = {
    "missing": "are needed and do not exist",
    "incorrect": "may do more or less than they should",
    "orphaned": "belong to nobody",
    "settings": "differ from the settings",
}


class NoHub(Exception):
    """This platform has no database of users yet."""


def users_in_database(settings: Settings) -> list[HubUser]:
    """Return every user in the hub's database, which the hub may be using.

    Raises:
        NoHub: the hub was never started.
        DatabaseUnavailable: the database does not answer.
    """
    path = sqlite_file(settings)
    if not is_postgres(settings) and not path.exists():
        raise NoHub(f"the hub was never started: {path} is missing")
    try:
        return users_at(database_url(settings))
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(error) from error


def users_at(url: str) -> list[HubUser]:
    """Return every user in the hub's database at an address of SQLAlchemy."""
    session = orm.new_session_factory(url)()
    try:
        return [hub_user(user) for user in session.query(orm.User)]
    finally:
        session.close()


def report(drift: Drift) -> str:
    """Return the differences as text, a line for each kind."""
    lines = [
        f"{', '.join(names)} {description}"
        for kind, description in _DESCRIPTIONS.items()
        if (names := getattr(drift, kind))
    ]
    return "\n".join(lines)


def check(settings: Settings, *, repair: bool) -> int:
    """Compare hub and broker, and print the differences.

    Returns:
        The exit status: 1 if there are differences that were not repaired.
    """
    users = users_in_database(settings)
    drift = asyncio.run(make_reconciler(settings, lambda: users).reconcile(repair=repair))
    if not drift:
        print("Hub and broker agree.")
        return 0
    print(report(drift))
    print("Repaired." if repair else "Nothing was changed.")
    return 0 if repair else 1


def print_service(settings: Settings, label: str) -> int:
    """Print the account of agents that run as a service, as the text of an account's file.

    Returns:
        The exit status: 1 if there is no such service.
    """
    if label not in settings.kafka_services:
        print(f"KAFKA_SERVICES does not name {label}: add it and restart the hub", file=sys.stderr)
        return 1
    account = service_account(broker_secret(settings), label)
    print(BrokerAccount(account.name, account.password, **way_of_accounts(settings)).to_json())
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hub.accounts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="compare hub and broker, and repair")
    checking.add_argument("--only-look", action="store_true", help="repair nothing")
    printing = commands.add_parser("service", help="print a service's account")
    printing.add_argument("name", help="one of KAFKA_SERVICES")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        if not settings.broker_accounts:
            print("The hub manages no accounts on the broker of KAFKA_BOOTSTRAP_SERVERS.")
            return 0
        if options.command == "service":
            return print_service(settings, options.name)
        return check(settings, repair=not options.only_look)
    except (SettingsError, BrokerUnavailable, DatabaseUnavailable, NoHub) as error:
        print(f"Not possible now: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
