"""Accounts on a broker that was restored: the same as before, as far as the secret is the same."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import tenacity
from mosshub_contract.broker_admin import admin_client_settings

from backup.errors import BackupError
from backup.settings import BackupSettings
from hub.accounts.kafka_admin import BrokerUnavailable, KafkaAdmin
from hub.accounts.reconciler import AccountReconciler, HubUser
from hub.accounts.revoked import RevokedAccounts
from hub.signin.names import safe_name

#: Seconds in which a broker that has just started begins to answer, on a machine with much to do.
BROKER_TIMEOUT_S = 60.0
_PAUSE_S = 1.0


def restore(
    settings: BackupSettings,
    secret: str,
    users: list[HubUser],
    had_account: Collection[str],
    hub: Path,
) -> int:
    """Give the users who had an account on the broker theirs again.

    Passwords come from the broker secret, a user's name and the time of their first sign-in.

    Args:
        settings: the settings of backups.
        secret: the broker secret of this platform.
        users: every user in the restored database.
        had_account: names of accounts on the broker of the backup.
        hub: the hub's directory, which says whose accounts were revoked.

    Returns:
        How many users have an account.

    Raises:
        BackupError: the broker does not answer.
    """
    had = set(had_account)
    wanted = [replace(user, active=safe_name(user.name) in had) for user in users]
    reconciler = AccountReconciler(
        KafkaAdmin(lambda: settings.kafka_admin_server, admin_client_settings(secret)),
        secret,
        lambda: wanted,
        RevokedAccounts(hub / "shut_out.json"),
        groups=_words(settings.kafka_groups),
        services=sorted(_words(settings.kafka_services)),
    )
    patiently = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(BrokerUnavailable),
        stop=tenacity.stop_after_delay(BROKER_TIMEOUT_S),
        wait=tenacity.wait_fixed(_PAUSE_S),
        reraise=True,
    )
    try:
        patiently(lambda: asyncio.run(reconciler.reconcile()))
    except BrokerUnavailable as error:
        raise BackupError(
            f"Everything is restored, only the accounts on the broker could not be made: {error}. "
            "Run make up: the hub makes each at the next start of its user's server."
        ) from error
    return sum(user.active for user in wanted)


def _words(value: str) -> frozenset[str]:
    return frozenset(word.strip() for word in value.split(",") if word.strip())
