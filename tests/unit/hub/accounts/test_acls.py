"""Names, passwords and ACLs of accounts, without a broker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from embedded_kafka import accounts as listeners
from mosshub_contract.broker_admin import ADMIN, admin_password

from hub.accounts.acls import (
    Account,
    account_password,
    app_account,
    is_user_account,
    service_account,
    user_account,
)

SECRET = "5e" * 32
ROOT = Path(__file__).resolve().parents[4]


def held(account: Account) -> set[tuple[str, str, str, str]]:
    return {
        (
            a.resource_pattern.resource_type.name,
            a.resource_pattern.resource_name,
            a.resource_pattern.pattern_type.name,
            a.operation.name,
        )
        for a in account.acls
    }


def test_a_person_has_their_own_and_a_part_in_the_teams():
    assert held(user_account(SECRET, "ada")) == {
        ("TOPIC", "ada.", "PREFIXED", "ALL"),
        ("GROUP", "ada.", "PREFIXED", "ALL"),
        ("TRANSACTIONAL_ID", "ada.", "PREFIXED", "ALL"),
        ("TOPIC", "team.", "PREFIXED", "READ"),
        ("TOPIC", "team.", "PREFIXED", "WRITE"),
        ("GROUP", "team.", "PREFIXED", "READ"),
        ("CLUSTER", "kafka-cluster", "LITERAL", "DESCRIBE"),
    }


def test_an_app_reads_what_its_author_named_and_nothing_by_default():
    assert held(app_account(SECRET, "Ada L.", "peek", "1", ())) == set()
    account = app_account(SECRET, "Ada L.", "peek", "1", [("ada.x", False), ("team.", True)])
    assert account.name == f"app.{user_account(SECRET, 'Ada L.').name}.peek"
    assert not is_user_account(account.name)
    assert held(account) == {
        ("TOPIC", name, kind, operation)
        for name, kind in (("ada.x", "LITERAL"), ("team.", "PREFIXED"))
        for operation in ("READ", "DESCRIBE")
    }
    # Published again after the end of another of that name, it has another password.
    assert app_account(SECRET, "Ada L.", "peek", "2", ()).password != account.password


@pytest.mark.parametrize(
    "name",
    ["team", "group", "hub", "Ada Lovelace", "a.b", "a_b", "a-2eb", "ä", "mosshub.hub", "x@y"],
)
def test_no_name_meets_another_or_one_of_the_platforms(name):
    account = user_account(SECRET, name)
    assert re.fullmatch(r"[a-z0-9-]+", account.name)
    assert is_user_account(account.name)
    others = {"team", "group", ADMIN, service_account(SECRET, name).name}
    assert account.name not in others
    assert not is_user_account(ADMIN)
    own = {prefix for _, prefix, kind, operation in held(account) if operation == "ALL"}
    assert own == {f"{account.name}."}


def test_passwords_hang_on_the_secret_the_name_and_the_person():
    known = {
        account_password(SECRET, "ada"),
        account_password("other" * 10, "ada"),
        account_password(SECRET, "bob"),
        account_password(SECRET, "ada", "2026-11-24"),
    }
    assert len(known) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", word) for word in known)
    account = user_account(SECRET, "ada")
    assert account.password == user_account(SECRET, "ada").password
    assert account.password not in repr(account)


def test_hub_and_broker_agree_on_the_hubs_own_account():
    assert ADMIN == listeners.ADMIN
    assert admin_password(SECRET) == listeners.admin_password(SECRET)
    start = (ROOT / "docker/kafka/start").read_text()
    assert f"me={ADMIN}\n" in start
    assert f"super.users=User:{ADMIN}\n" in (ROOT / "docker/kafka/server.properties").read_text()
