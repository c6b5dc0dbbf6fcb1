"""The numbers of broker, agents, certificate and backups as metrics."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from kafka.errors import KafkaError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.accounts.kafka_admin import BrokerUnavailable
from watch.backups import LastBackup, last_backup
from watch.broker import BrokerNumbers, WatchedBroker
from watch.certificate import valid_until
from watch.heartbeats import AgentNumbers, Heartbeats
from watch.settings import WatchSettings

_AGENT_COUNTERS = {
    "received": "Requests that an agent received.",
    "answered": "Requests that an agent answered.",
    "rejected": "Requests that an agent put among the dead letters.",
    "expired": "Requests that were too old when an agent received them.",
    "errors": "Errors of an agent.",
}


class WatchCollector(Collector):
    """Asks whenever Prometheus asks; two questions at a time wait for one another.

    Args:
        settings: the settings of this program.
    """

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        login = settings.login()
        self._broker = WatchedBroker(settings.admin_server, login)
        self._heartbeats = Heartbeats(login)
        self._lock = threading.Lock()

    def describe(self) -> list[Metric]:
        """Return nothing: Prometheus' client then asks nobody to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. Those of a broker that is away are left out."""
        with self._lock:
            yield from self._of_the_broker()
        yield from self._of_certificate_and_backups()

    def _of_the_broker(self) -> Iterator[Metric]:
        began = time.monotonic()
        numbers = asked(self._broker.numbers)
        up = 0 if numbers is None else 1
        yield GaugeMetricFamily("mosshub_broker_up", "Whether the broker answers (1) or not.", up)
        if numbers is None:
            self._heartbeats.close()
            return
        took = time.monotonic() - began
        yield GaugeMetricFamily("mosshub_broker_answer_seconds", "Time of its answers.", took)
        yield from broker_metrics(numbers)
        agents = self._heartbeats.read(self._settings.admin_server(), numbers.agents)
        yield from agent_metrics(agents, time.time())

    def _of_certificate_and_backups(self) -> Iterator[Metric]:
        settings = self._settings
        expected = settings.expects_certificate
        yield from certificate_metrics(
            expected, valid_until(settings.edge, settings.domain) if expected else None
        )
        yield from backup_metrics(bool(settings.backup_at), last_backup(settings.backup_file))


def asked(question: Callable[[], BrokerNumbers]) -> BrokerNumbers | None:
    """Ask the broker, once more if it fails: somebody may have deleted a topic meanwhile.

    Returns:
        Its answer; None if it has none.
    """
    for _ in range(2):
        with suppress(BrokerUnavailable, KafkaError):
            return question()
    return None


def certificate_metrics(expected: bool, until: float | None) -> Iterator[Metric]:
    """Yield until when the certificate is valid.

    Args:
        expected: whether there should be one.
        until: its end, in seconds since 1970; None if the edge shows none.
    """
    text = "Whether there should be a certificate (1) or not."
    yield GaugeMetricFamily("mosshub_certificate_expected", text, int(expected))
    if until is not None:
        name = "mosshub_certificate_valid_until_seconds"
        yield GaugeMetricFamily(name, "End of the certificate.", until)


def backup_metrics(expected: bool, last: LastBackup | None) -> Iterator[Metric]:
    """Yield how the last daily backup ended.

    Args:
        expected: whether one is made every day.
        last: what it noted of itself; None if there was none.
    """
    text = "Whether a backup is made every day (1) or not."
    yield GaugeMetricFamily("mosshub_backup_expected", text, int(expected))
    if last is not None:
        text = "When the last daily backup ended."
        yield GaugeMetricFamily("mosshub_backup_last_seconds", text, last.at)
        text = "Whether the last daily backup was made (1) or not."
        yield GaugeMetricFamily("mosshub_backup_succeeded", text, int(last.succeeded))


def broker_metrics(numbers: BrokerNumbers) -> Iterator[Metric]:
    """Yield what the broker says as metrics.

    Args:
        numbers: what it says.
    """
    labels = ["owner", "kind"]
    written = CounterMetricFamily(
        "mosshub_topic_messages_written", "Messages that were ever written.", labels=labels
    )
    for place, count in numbers.written.items():
        written.add_metric(place, count)
    yield written
    yield _gauge("mosshub_topic_messages", "Messages on topics.", labels, numbers.kept)
    yield _gauge("mosshub_topic_bytes", "What topics take on the disk.", labels, numbers.bytes)
    yield _gauge("mosshub_topics", "Number of topics.", labels, numbers.topics)
    text = "Messages that a consumer group has not read yet."
    yield _gauge("mosshub_group_lag", text, ["owner", "group"], numbers.lags)
    if numbers.disk_bytes is not None and numbers.disk_free_bytes is not None:
        size, free = numbers.disk_bytes, numbers.disk_free_bytes
        yield GaugeMetricFamily("mosshub_broker_disk_bytes", "Size of the broker's disk.", size)
        yield GaugeMetricFamily("mosshub_broker_disk_free_bytes", "What is free of it.", free)


def agent_metrics(agents: list[AgentNumbers], now: float) -> Iterator[Metric]:
    """Yield what agents tell of themselves as metrics.

    Args:
        agents: their last heartbeats.
        now: seconds since 1970.
    """
    labels = ["owner", "agent", "instance"]
    places = {(one.owner, one.name, one.instance): one for one in agents}
    alive = {place: int(one.is_alive(now)) for place, one in places.items()}
    lost = {place: int(one.is_lost(now)) for place, one in places.items()}
    yield _gauge("mosshub_agent_alive", "Whether an agent is at work (1) or not.", labels, alive)
    text = "Whether an agent fell silent without saying that it stops (1) or not."
    yield _gauge("mosshub_agent_lost", text, labels, lost)
    for name, text in _AGENT_COUNTERS.items():
        family = CounterMetricFamily(f"mosshub_agent_{name}", text, labels=labels)
        for place, one in places.items():
            family.add_metric(place, max(0, one.fields[name] or 0))
        yield family
    text = "Seconds for which the broker made an agent wait, because of quotas."
    throttled = CounterMetricFamily("mosshub_agent_throttled_seconds", text, labels=labels)
    for place, one in places.items():
        throttled.add_metric(place, max(0.0, one.fields["throttled"] or 0.0))
    yield throttled
    rates = {place: one.fields["rate"] or 0.0 for place, one in places.items()}
    yield _gauge("mosshub_agent_predictions_per_second", "Its speed.", labels, rates)


def _gauge(
    name: str, text: str, labels: list[str], values: Mapping[tuple, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for place, value in values.items():
        family.add_metric(place, value)
    return family
