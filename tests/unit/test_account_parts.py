"""Accounts without a broker: names, passwords, rights; the file in a person's server."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from embedded_kafka import accounts as doors
from jupyterhub.auth import Authenticator

from hub.accounts import rights
from hub.accounts.hooks import with_accounts

SECRET = "5e" * 32
ROOT = Path(__file__).resolve().parents[2]


def held(account: rights.Account) -> set[tuple[str, str, str, str]]:
    return {
        (
            a.resource_pattern.resource_type.name,
            a.resource_pattern.resource_name,
            a.resource_pattern.pattern_type.name,
            a.operation.name,
        )
        for a in account.rights
    }


def test_a_person_has_their_own_and_a_part_in_the_teams():
    assert held(rights.person(SECRET, "ada")) == {
        ("TOPIC", "ada.", "PREFIXED", "ALL"),
        ("GROUP", "ada.", "PREFIXED", "ALL"),
        ("TRANSACTIONAL_ID", "ada.", "PREFIXED", "ALL"),
        ("TOPIC", "team.", "PREFIXED", "READ"),
        ("TOPIC", "team.", "PREFIXED", "WRITE"),
        ("GROUP", "team.", "PREFIXED", "READ"),
        ("CLUSTER", "kafka-cluster", "LITERAL", "DESCRIBE"),
    }


@pytest.mark.parametrize(
    "name",
    ["team", "group", "hub", "Ada Lovelace", "a.b", "a_b", "a-2eb", "ä", "mosshub.hub", "x@y"],
)
def test_no_name_meets_another_or_one_of_the_platforms(name):
    account = rights.person(SECRET, name)
    assert re.fullmatch(r"[a-z0-9-]+", account.name)
    assert rights.is_persons(account.name)
    others = {"team", "group", rights.ADMIN, rights.service(SECRET, name).name}
    assert account.name not in others
    assert not rights.is_persons(rights.ADMIN)
    own = {prefix for _, prefix, kind, operation in held(account) if operation == "ALL"}
    assert own == {f"{account.name}."}


def test_passwords_hang_on_the_secret_the_name_and_the_person():
    known = {
        rights.password(SECRET, "ada"),
        rights.password("other" * 10, "ada"),
        rights.password(SECRET, "bob"),
        rights.password(SECRET, "ada", "2026-11-24"),
    }
    assert len(known) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", word) for word in known)
    account = rights.person(SECRET, "ada")
    assert account.password == rights.person(SECRET, "ada").password
    assert account.password not in repr(account)


def test_hub_and_broker_agree_on_the_hubs_own_account():
    assert rights.ADMIN == doors.ADMIN
    assert rights.admin_password(SECRET) == doors.admin_password(SECRET)
    start = (ROOT / "docker/kafka/start").read_text()
    assert f"me={rights.ADMIN}\n" in start
    assert (
        f"super.users=User:{rights.ADMIN}\n"
        in (ROOT / "docker/kafka/server.properties").read_text()
    )


class _Kept:
    """A keeper that only notes what it is asked for."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def watch(self) -> None:
        pass

    async def remove(self, name: str) -> None:
        self.removed.append(name)


@pytest.mark.parametrize(
    ("refreshed", "strict", "removed"),
    [(False, True, ["ada"]), (False, False, []), (True, True, [])],
)
def test_whom_the_provider_does_not_let_in_any_more_has_no_account(refreshed, strict, removed):
    """Not so who only has to sign in again, as far as the sign-in can tell (not strict)."""

    class SignIn(Authenticator):
        async def refresh_user(self, user, handler=None, **kwargs):
            self.auth_refresh_strict = strict
            return refreshed

    keeper = _Kept()

    async def story() -> None:
        sign_in = with_accounts(SignIn, keeper)()  # type: ignore[arg-type]
        sign_in.get_handlers(None)
        user = SimpleNamespace(name="ada")
        assert await sign_in.refresh_user(user) is refreshed
        await asyncio.sleep(0)
        assert keeper.removed == removed
        await sign_in.delete_user(SimpleNamespace(name="bob"))
        assert keeper.removed == [*removed, "bob"]

    asyncio.run(story())
