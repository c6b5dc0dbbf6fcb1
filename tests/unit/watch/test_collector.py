"""A topic that was deleted while the broker was asked is no broker that is away."""

from collections.abc import Callable

from kafka.errors import UnknownTopicOrPartitionError

from hub.accounts.kafka_admin import BrokerUnavailable
from watch.broker import BrokerNumbers
from watch.collector import asked


def answers(*these: BrokerNumbers | Exception) -> Callable[[], BrokerNumbers]:
    left = iter(these)

    def question() -> BrokerNumbers:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return question


def test_it_is_asked_once_more() -> None:
    numbers = BrokerNumbers()
    assert asked(answers(UnknownTopicOrPartitionError(), numbers)) is numbers
    assert asked(answers(numbers)) is numbers


def test_a_broker_that_fails_twice_is_away() -> None:
    away = BrokerUnavailable("no")
    assert asked(answers(away, away, BrokerNumbers())) is None
