"""What is told of a broker that fails once, and of what is expected but missing."""

from collections.abc import Callable

import pytest
from kafka.errors import UnknownTopicOrPartitionError

from hub.accounts.kafka_admin import BrokerUnavailable
from watch.backups import LastBackup
from watch.broker import BrokerNumbers
from watch.collector import asked, backup_metrics, certificate_metrics
from watch.settings import WatchSettings


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


def test_a_backup_that_is_expected_but_was_never_made_can_be_told_from_none() -> None:
    def told(expected: bool, last: LastBackup | None) -> dict[str, float]:
        return {m.name: m.samples[0].value for m in backup_metrics(expected, last)}

    assert told(False, None) == {"mosshub_backup_expected": 0}
    assert told(True, None) == {"mosshub_backup_expected": 1}
    assert told(True, LastBackup(1000.0, False)) == {
        "mosshub_backup_expected": 1,
        "mosshub_backup_last_seconds": 1000,
        "mosshub_backup_succeeded": 0,
    }


def test_a_certificate_that_is_expected_but_missing_can_be_told_from_none() -> None:
    def told(expected: bool, until: float | None) -> dict[str, float]:
        return {m.name: m.samples[0].value for m in certificate_metrics(expected, until)}

    assert told(False, None) == {"mosshub_certificate_expected": 0}
    assert told(True, None) == {"mosshub_certificate_expected": 1}
    assert told(True, 2000.0) == {
        "mosshub_certificate_expected": 1,
        "mosshub_certificate_valid_until_seconds": 2000,
    }


@pytest.mark.parametrize(
    ("domain", "tls", "expected"),
    [
        ("m.example.org", "auto", True),
        ("m.example.org", "files", True),
        ("m.example.org", "internal", False),
        ("m.example.org", "elsewhere", False),
        ("", "auto", False),
    ],
)
def test_a_certificate_is_expected_where_caddy_has_one(
    domain: str, tls: str, expected: bool
) -> None:
    assert WatchSettings(domain=domain, tls=tls).expects_certificate is expected
