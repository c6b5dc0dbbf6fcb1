"""A Kafka of the team's own, over TLS with its own authority: hub, accounts and streaming.

Eight of the twelve tests of streaming hold here, too. The other four end the broker, which the
tests of accounts share: test_broker_killed_while_requests_are_sent,
test_broker_killed_while_requests_are_answered,
test_an_agent_that_starts_before_the_broker_waits_and_says_so and
test_a_judge_without_a_broker_says_so.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterator

import pytest
from imageclass.agents import registry
from imageclass.kafka.connection import Connection, NoBroker, connect
from imageclass.kafka.credentials import Account
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from hub.accounts import make_reconciler
from hub.accounts.kafka_admin import BrokerUnavailable, KafkaAdmin
from hub.accounts.reconciler import HubUser
from hub.broker import admin_login, way_of_accounts
from hub.settings import Settings
from tests.local.imageclass import test_streaming
from tests.local.imageclass.test_streaming import (  # noqa: F401  the same tests, over TLS
    model,
    test_a_failing_model_shows_and_heals_without_loss,
    test_a_message_larger_than_any_limit_of_ours_does_not_stop_the_agent,
    test_a_rebalance_that_ran_out_of_time_is_ended_by_the_next_poll,
    test_a_run_is_answered_judged_and_counted,
    test_answers_of_older_runs_and_second_answers_do_not_count,
    test_bad_messages_become_dead_letters_and_the_agent_goes_on,
    test_starting_twenty_times_leaves_one_member_with_the_last_model,
    test_two_models_answer_the_same_requests,
)
from tests.support.secured_kafka import QUOTAS, SecuredKafka, complete
from tests.support.waiting import wait_until


@pytest.fixture
def settings(
    secured_kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch, tmp_path_factory
) -> Settings:
    for name, value in secured_kafka.own_settings().items():
        monkeypatch.setenv(name, value)
    quotas = dict(
        zip(("PRODUCE", "CONSUME", "REQUEST", "TOPIC"), map(str, QUOTAS.values()), strict=True)
    )
    for name, value in quotas.items():
        monkeypatch.setenv(f"KAFKA_{name}_QUOTA", value)
    return Settings(data_dir=tmp_path_factory.mktemp("hub"))


@pytest.fixture
def account(secured_kafka: SecuredKafka, settings: Settings) -> Account:
    """A new user's account, made by the hub over TLS and as their server keeps it."""
    user = HubUser(f"t{uuid.uuid4().hex[:8]}", since="2026", active=True)
    secured_kafka.people.append(user)
    people = lambda: list(secured_kafka.people)  # noqa: E731
    reconciler = complete(lambda: make_reconciler(settings, people), user)
    made = reconciler.account(user)
    way = way_of_accounts(settings)
    assert way.pop("authority") == secured_kafka.broker.authority
    return Account(made.name, made.password, cafile=str(secured_kafka.broker.authority_file), **way)


@pytest.fixture
def connection(secured_kafka: SecuredKafka, account: Account) -> Iterator[Connection]:
    """Topics of that user; their agents are stopped afterwards."""
    servers = secured_kafka.broker.own_servers
    made = connect(servers, prefix=f"{account.username}.", account=account)
    yield made
    for agent in registry.running_agents():
        if agent.connection == made:
            assert registry.stop_agent(made, agent.name)


def test_every_test_of_streaming_is_here_or_named_above() -> None:
    tests = {name for name in vars(test_streaming) if name.startswith("test_")}
    left_out = set(re.findall(r"\btest_\w+", __doc__ or ""))
    assert tests == (tests & set(globals())) | left_out
    assert not left_out & set(globals())


def test_the_hub_manages_accounts_there(
    secured_kafka: SecuredKafka, settings: Settings, account: Account
) -> None:
    reconciler = make_reconciler(settings, lambda: list(secured_kafka.people))
    drift = asyncio.run(reconciler.reconcile())
    left = [name for name in drift.orphaned if not name.startswith("app.")]  # of other tests
    assert not left and account.username not in (*drift.missing, *drift.incorrect)
    assert "mosshub.hub" in secured_kafka.admin().account_names(), "the hub spares itself"
    asyncio.run(reconciler.revoke(account.username))
    secured_kafka.people.pop()
    with pytest.raises(NoBroker, match="does not let in"):
        connect(secured_kafka.broker.own_servers, account=account, timeout=0.5)


def refusal(admin: KafkaAdmin) -> str:
    """Return what the hub says of a broker that does not let it in."""
    with pytest.raises(BrokerUnavailable) as seen:
        admin.ping()
    return str(seen.value)


def test_neither_a_wrong_password_nor_an_unknown_authority_is_let_in(
    secured_kafka: SecuredKafka, settings: Settings, account: Account
) -> None:
    servers = secured_kafka.broker.own_servers
    login = admin_login(settings)
    KafkaAdmin(lambda: servers, login).ping()
    for wrong, reason in (
        ({"sasl_plain_password": "wrong"}, "invalid credentials"),
        ({"ssl_context": None}, "certificate verify failed"),
    ):
        admin = KafkaAdmin(lambda: servers, login | wrong)
        wait_until(lambda: reason in refusal(admin), 15, f"the hub says {reason}")  # noqa: B023
    plain = account.settings | {"security_protocol": "SASL_PLAINTEXT"}
    with pytest.raises(KafkaError):
        KafkaAdminClient(bootstrap_servers=servers, bootstrap_timeout_ms=3_000, **plain)
