"""A broker account for every person: made at the spawn, gone with the person.

`rights` says who may do what, `broker` changes it there, `keeper` decides when, `hooks` puts that
into JupyterHub. `python -m hub.accounts check` compares the two and repairs.
"""

from collections.abc import Callable

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator

from hub.accounts.hooks import person, with_accounts
from hub.accounts.kafka_admin import Broker
from hub.accounts.reconciler import Keeper, Person
from hub.accounts.revoked import ShutOut
from hub.broker import admin_server, broker_secret
from hub.settings import Settings


def keeper(settings: Settings, people: Callable[[], list[Person]]) -> Keeper:
    """Return the keeper of the accounts of this platform; see `Keeper` for `people`."""
    secret = broker_secret(settings)
    return Keeper(
        Broker(lambda: admin_server(settings), secret),
        secret,
        people,
        ShutOut(settings.data_dir / "hub" / "shut_out.json"),
        groups=settings.kafka_groups,
        services=settings.kafka_services,
        quotas=settings.quotas,
    )


def sign_in(base: type[Authenticator], settings: Settings) -> type[Authenticator]:
    """Return the class of the sign-in, with accounts where the hub keeps them."""
    if not settings.broker_accounts:
        return base

    def people() -> list[Person]:
        db = JupyterHub.instance().db
        return [person(user) for user in db.query(orm.User)]

    return with_accounts(base, keeper(settings, people))
