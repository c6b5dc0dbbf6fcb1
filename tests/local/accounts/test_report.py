"""What the page of one person says about their account, asked of a real broker."""

import asyncio

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from hub.accounts.reconciler import HubUser
from hub.accounts.report import AccountReport, account_report
from tests.support.secured_kafka import QUOTAS, KafkaUser, SecuredKafka


def report(secured_kafka: SecuredKafka, name: str) -> AccountReport | None:
    return asyncio.run(
        account_report(secured_kafka.reconciler(), HubUser(name, since="2026", active=True))
    )


def test_permissions_limits_and_messages_that_wait(
    secured_kafka: SecuredKafka, ada: KafkaUser, bob: KafkaUser
) -> None:
    for who, read in ((ada, 2), (bob, 0)):
        place = TopicPartition(who.topic("report"), 0)
        with who.producer() as producer:
            for _ in range(5):
                producer.send(place.topic, b"hello").get(30)
        with who.consumer(group_id=f"{who.name}.report-agent") as consumer:
            consumer.assign([place])
            consumer.commit({place: OffsetAndMetadata(read, "", -1)})
    found = report(secured_kafka, "ada")
    assert found is not None
    assert found.exists
    begins = "whose names begin with ada."
    assert (
        f"do everything with topics, consumer groups and transactions {begins}"
        == (found.permissions[0])
    )
    assert len(found.limits) == len(QUOTAS)
    lags = dict(found.lags)
    assert lags["ada.report-agent"] == 3
    assert not any(group.startswith("bob.") for group in lags), "another user's are not hers"


def test_nobody_knows_an_account_before_the_first_start(secured_kafka: SecuredKafka) -> None:
    assert report(secured_kafka, "nobody-yet") == AccountReport(exists=False)


def test_a_broker_that_is_away_is_no_error(tmp_path) -> None:
    nowhere = SecuredKafka(tmp_path)  # it was never started
    assert report(nowhere, "ada") is None
