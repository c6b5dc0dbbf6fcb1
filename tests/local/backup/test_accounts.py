"""Accounts on a broker to which a backup is restored."""

from pathlib import Path

import pytest

from backup import accounts
from backup.settings import BackupSettings
from hub.accounts.reconciler import HubUser
from tests.support.secured_kafka import KafkaUser, SecuredKafka
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def test_who_had_an_account_has_one_by_the_secret_of_this_platform(
    target: SecuredKafka, tmp_path: Path
) -> None:
    """The broker has another secret than that of the backup: passwords are new, rights are not."""
    users = [HubUser("uma", since="2026"), HubUser("never.started", since="2026")]
    settings = BackupSettings(kafka_admin_server=target.broker.admin_file.read_text())
    secret = target.secret_file.read_text()
    assert accounts.restore(settings, secret, users, ["uma", "removed"], tmp_path) == 1
    admin = target.admin()
    wait_until(lambda: "uma" in admin.account_names(), 60, "the broker lists her")
    assert not admin.account_names() & {"never-2estarted", "removed"}
    uma = KafkaUser(target.servers, target.reconciler().account(users[0]))
    with uma.producer() as out:
        out.send(uma.topic("again"), b"hers").get(30)
