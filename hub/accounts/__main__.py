"""`python -m hub.accounts`: compare the accounts of hub and broker, or give out a service's."""

import argparse
import asyncio
import json
import sys

from jupyterhub import orm

from hub.accounts import acls as rights
from hub.accounts import keeper, person
from hub.accounts.kafka_admin import BrokerAway
from hub.accounts.reconciler import Difference, Person
from hub.broker import broker_secret
from hub.settings import Settings, SettingsError, load_settings

_SAID = {
    "missing": "have a server and no account",
    "wrong": "may not do exactly what they should",
    "orphans": "are accounts of nobody",
    "settings": "are not as the settings say",
}


def people(settings: Settings) -> list[Person]:
    """Return everybody in the hub's database, which may be in use."""
    path = settings.data_dir / "hub" / "jupyterhub.sqlite"
    if not path.exists():
        raise BrokerAway(f"there is no hub yet: {path} is missing")
    session = orm.new_session_factory(f"sqlite:///{path}")()
    try:
        return [person(user) for user in session.query(orm.User)]
    finally:
        session.close()


def report(found: Difference) -> str:
    """Return what was found, a line for each kind."""
    lines = [
        f"{', '.join(names)} {said}"
        for kind, said in _SAID.items()
        if (names := getattr(found, kind))
    ]
    return "\n".join(lines)


def check(settings: Settings, *, repair: bool) -> int:
    """Compare, say what differs, and repair; return 1 if something differs and stays so."""
    known = people(settings)
    found = asyncio.run(keeper(settings, lambda: known).reconcile(repair=repair))
    if not found:
        print("Hub and broker agree.")
        return 0
    print(report(found))
    print("Repaired." if repair else "Nothing was changed.")
    return 0 if repair else 1


def service(settings: Settings, label: str) -> int:
    """Print the account of agents that run as a service, as `imageclass.account` reads it."""
    if label not in settings.kafka_services:
        print(f"KAFKA_SERVICES does not name {label}: add it and restart the hub", file=sys.stderr)
        return 1
    account = rights.service(broker_secret(settings), label)
    print(json.dumps({"username": account.name, "password": account.password}))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hub.accounts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="compare hub and broker, and repair")
    checking.add_argument("--only-look", action="store_true", help="repair nothing")
    giving = commands.add_parser("service", help="print a service's account")
    giving.add_argument("name", help="one of KAFKA_SERVICES")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        if not settings.broker_accounts:
            print("The hub keeps no accounts on the broker of KAFKA_BOOTSTRAP_SERVERS.")
            return 0
        if options.command == "service":
            return service(settings, options.name)
        return check(settings, repair=not options.only_look)
    except (SettingsError, BrokerAway) as error:
        print(f"Not possible now: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
