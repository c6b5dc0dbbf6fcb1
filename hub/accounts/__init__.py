"""A broker account for every user, from the first start of a server until the user is removed.

| module        | what                                                             |
|---------------|------------------------------------------------------------------|
| `acls`        | what each account may do                                         |
| `kafka_admin` | changes accounts on the broker                                   |
| `why_not`     | why the broker does not let the hub in                           |
| `group_lags`  | how far consumer groups are behind                               |
| `drift`       | what accounts depend on, and how far the broker's differ         |
| `apps`        | the accounts of apps                                             |
| `reconciler`  | decides when, and compares hub and broker                        |
| `revoked`     | remembers accounts that were taken away                          |
| `report`      | says in plain words what an account may do and has to do         |
| `hooks`       | connects all of that with JupyterHub                             |
| `__main__`    | `python -m hub.accounts`: compares and repairs from outside      |
"""

from collections.abc import Callable

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator

from hub.accounts.apps import app_accounts
from hub.accounts.hooks import hub_user, with_accounts
from hub.accounts.kafka_admin import KafkaAdmin
from hub.accounts.reconciler import AccountReconciler, HubUser
from hub.accounts.revoked import RevokedAccounts
from hub.broker import admin_login, admin_server, broker_secret, way_of_accounts
from hub.settings import Settings


def make_reconciler(settings: Settings, users: Callable[[], list[HubUser]]) -> AccountReconciler:
    """Return the reconciler of this platform's accounts.

    Args:
        settings: the platform's settings.
        users: returns every user of the hub.
    """
    secret = broker_secret(settings)
    return AccountReconciler(
        KafkaAdmin(lambda: admin_server(settings), admin_login(settings)),
        secret,
        users,
        RevokedAccounts(settings.data_dir / "hub" / "shut_out.json"),
        groups=settings.kafka_groups,
        services=settings.kafka_services,
        quotas=settings.quotas,
        apps=app_accounts(settings, secret),
    )


def authenticator_with_accounts(
    base: type[Authenticator], settings: Settings
) -> type[Authenticator]:
    """Return the class of the sign-in, with accounts if the hub manages them.

    Args:
        base: the class of the sign-in.
        settings: the platform's settings.
    """
    if not settings.broker_accounts:
        return base

    def users() -> list[HubUser]:
        db = JupyterHub.instance().db
        return [hub_user(user) for user in db.query(orm.User)]

    return with_accounts(base, make_reconciler(settings, users), way_of_accounts(settings))
