"""Rights of accounts on the real broker: who may do what."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from imageclass.kafka.topics import Topics
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)
from kafka.structs import OffsetAndMetadata
from mosshub_contract.topics import TEAM_PREFIX, topic_settings

from hub.accounts import acls
from hub.accounts.reconciler import HubUser
from tests.support.secured_kafka import KafkaUser, complete, is_denied, read, refused
from tests.support.waiting import wait_until

TOPIC, GROUP = TopicAuthorizationFailedError, GroupAuthorizationFailedError


def attempts(who: KafkaUser, prefix: str) -> dict:
    """Everything somebody may try with the topic, group and transactions of a prefix.

    Name of the attempt -> a function; the topic `<prefix>x` has a message, the group has an offset.
    """
    topic, group = f"{prefix}x", f"{prefix}g"
    partition = TopicPartition(topic, 0)

    def describe_topic(admin):
        found = admin.describe_topics([topic])[0]
        if found["error_code"]:
            raise TOPIC(found)

    def alter(admin):
        said = admin.alter_configs([resource], raise_on_unknown=False)["topic"][topic]
        if "TopicAuthorizationFailedError" in said:
            raise TOPIC(said)
        assert said == "OK"

    def fetch(_):
        with who.consumer() as consumer:
            consumer.assign([partition])
            consumer.seek(partition, 0)
            if not read(consumer, 1, timeout=3):  # this client says nothing about why
                raise TOPIC(topic)

    def end_offsets(_):
        with who.consumer(request_timeout_ms=5_000) as consumer:
            assert consumer.end_offsets([partition])[partition] >= 1

    def join(_):
        with who.consumer(f"{who.name}.x", group_id=group) as consumer:

            def is_member() -> bool:
                consumer.poll(timeout_ms=200)
                return bool(consumer.assignment())

            wait_until(is_member, 40, f"{who.name} is a member of the group")

    def commit(_):
        with who.consumer(group_id=group) as consumer:
            own = TopicPartition(f"{who.name}.x", 0)
            consumer.assign([own])
            consumer.commit({own: OffsetAndMetadata(0, "", -1)})

    def write(_):
        with who.producer(max_block_ms=5_000) as producer:
            producer.send(topic, b"hello").get(10)

    def write_in_transaction(_):
        with who.producer(transactional_id=f"{prefix}t", max_block_ms=10_000) as producer:
            producer.init_transactions()
            producer.begin_transaction()
            producer.send(topic, b"hello").get(10)
            producer.commit_transaction()

    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "3600000"})
    return {
        "describe a topic": (TOPIC, describe_topic),
        "read": (TOPIC, fetch),
        "list offsets": (TOPIC, end_offsets),
        "write": (TOPIC, write),
        "write in a transaction": (TransactionalIdAuthorizationFailedError, write_in_transaction),
        "create": (
            TOPIC,
            lambda admin: admin.create_topics({f"{prefix}{uuid.uuid4().hex}": {}}),
        ),
        "alter": (TOPIC, alter),
        "add partitions": (TOPIC, lambda admin: admin.create_partitions({topic: 2})),
        "join a group": (GROUP, join),
        "commit": (GROUP, commit),
        "describe a group": (GROUP, lambda admin: admin.describe_groups([group])),
        "list a group's offsets": (
            GROUP,
            lambda admin: admin.list_group_offsets({group: [partition]}),
        ),
        "delete a group": (GROUP, lambda admin: _raise(admin.delete_groups([group]))),
        "delete records": (
            TOPIC,
            lambda admin: admin.delete_records({partition: 0}, partition_leader_id=1),
        ),
        "delete": (TOPIC, lambda admin: admin.delete_topics([topic])),
    }


def _raise(results):
    for error in results.values() if isinstance(results, dict) else [r[1] for r in results]:
        if isinstance(error, str) and "Authorization" in error:
            raise GROUP(error)
        if isinstance(error, type) and error.__name__ != "NoError":
            raise error


@pytest.fixture(scope="module")
def ready(ada: KafkaUser, bob: KafkaUser) -> None:
    """Both have a topic with a message and a group with an offset."""
    for who in (ada, bob):
        who.topic("x")
        for name in ("write", "commit"):
            attempts(who, f"{who.name}.")[name][1](None)


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("attempt", list(attempts(None, "")))  # type: ignore[arg-type]
def test_another_persons_resources_are_denied_and_ones_own_work(ada, bob, attempt):
    with ada.admin() as admin:
        kind, theirs = attempts(ada, "bob.")[attempt]
        refused(lambda: theirs(admin), kind)
        kind, own = attempts(ada, "ada.")[attempt]
        own(admin)


def test_nobody_sees_the_names_of_others_topics(ada, bob):
    with ada.admin() as admin:
        assert {t.partition(".")[0] for t in admin.list_topics()} <= {"ada", "team"}


def test_everybody_reads_and_writes_team_topics_and_nobody_changes_them(ada, bob):
    group = f"team.agent.{uuid.uuid4().hex[:6]}"
    with ada.producer() as producer:
        producer.send("team.requests", b"from ada").get(10)
    with bob.consumer("team.requests", group_id=group) as consumer:
        assert b"from ada" in read(consumer, 1)
        consumer.commit()
    with bob.admin() as admin:
        assert set(topic_settings(TEAM_PREFIX)) <= set(admin.list_topics())
        refused(lambda: admin.create_topics({"team.mine": {}}), TOPIC)
        refused(lambda: admin.delete_topics(["team.requests"]), TOPIC)
        refused(lambda: admin.create_topics({"mine": {}}), TOPIC)


def test_the_hub_makes_the_topics_that_the_library_names():
    assert Topics("team.").settings == topic_settings(TEAM_PREFIX)


@pytest.mark.slow
def test_clients_without_an_account_or_with_a_wrong_password_are_refused(secured_kafka, ada):
    quick = {"bootstrap_timeout_ms": 1_000}
    nobody = {"bootstrap_servers": secured_kafka.servers, **quick}
    wrong = {"sasl_plain_password": "wrong", **quick}
    for kind in (KafkaAdminClient, KafkaProducer, KafkaConsumer):
        refused(lambda kind=kind: kind(**nobody), KafkaError)
        refused(lambda kind=kind: kind(**{**ada.settings, **wrong}), KafkaError)
    # The listeners of hub and controller accept the broker's own password only.
    properties = (secured_kafka.broker.data_dir / "server.properties").read_text()
    for name in ("HUB", "CONTROLLER"):
        port = properties.split(f"{name}://127.0.0.1:")[1].split("\n")[0].split(",")[0]
        listener = {"bootstrap_servers": f"127.0.0.1:{port}", **quick}
        refused(lambda listener=listener: KafkaAdminClient(**listener), KafkaError)
        refused(
            lambda listener=listener: KafkaAdminClient(**{**ada.settings, **listener}), KafkaError
        )


def test_a_group_of_the_hub_shares_a_prefix_where_the_settings_name_it(secured_kafka):
    settings = {"groups": ["vision"]}
    one = secured_kafka.add_user("one", ["vision", "other"], **settings)
    two = secured_kafka.add_user("two", ["vision"], **settings)
    three = secured_kafka.add_user("three", ["other"], **settings)
    topic = f"group.vision.{uuid.uuid4().hex}"
    with one.admin() as admin:
        admin.create_topics({topic: {"num_partitions": 1}})
        admin.wait_for_topics([topic], timeout_ms=10_000)
        refused(lambda: admin.create_topics({"group.other.x": {}}), TOPIC)
    for who in (one, two):
        with who.producer() as producer:
            producer.send(topic, b"x").get(10)
    with three.producer(max_block_ms=5_000) as producer:
        refused(lambda: producer.send(topic, b"x").get(10), TOPIC)
    # Who leaves the group loses it with the next look at their account.
    left = HubUser("two", since="2026", active=True)
    secured_kafka.people[:] = [left if p.name == "two" else p for p in secured_kafka.people]
    complete(lambda: secured_kafka.reconciler(**settings), left)
    with two.producer(max_block_ms=5_000) as producer:
        wait_until(lambda: is_denied(lambda: producer.send(topic, b"x").get(10)), 60, "denied")


def test_agents_that_run_as_a_service_have_the_teams_topics_only(secured_kafka):
    reconciler = secured_kafka.reconciler(services=["agents"])
    asyncio.run(reconciler.reconcile())
    account = acls.service_account(secured_kafka.secret_file.read_text(), "agents")
    agent = KafkaUser(secured_kafka.servers, account)
    with agent.admin() as admin:
        admin.create_topics({f"team.{uuid.uuid4().hex}": {}})
        refused(lambda: admin.create_topics({"ada.mine": {}}), TOPIC)
        refused(lambda: admin.create_topics({"service.agents.x": {}}), TOPIC)
