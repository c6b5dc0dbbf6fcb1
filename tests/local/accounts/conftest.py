"""Two people with accounts on the broker that the tests share."""

import pytest

from tests.support.secured_kafka import KafkaUser, SecuredKafka


@pytest.fixture(scope="session")
def ada(secured_kafka: SecuredKafka) -> KafkaUser:
    return secured_kafka.add_user("ada")


@pytest.fixture(scope="session")
def bob(secured_kafka: SecuredKafka) -> KafkaUser:
    return secured_kafka.add_user("bob")
