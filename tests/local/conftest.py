"""What the tests with real parts share: one Apache Kafka, and topics of a test's own on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.agents import registry
from imageclass.kafka.connection import Connection, connect

from tests.support.agents import AgentProcesses
from tests.support.secured_kafka import SecuredKafka
from tests.support.setup import needed
from tests.support.waiting import TIMEOUT_FACTOR


class PatientBroker(EmbeddedBroker):
    """A broker that may take its time to start beside other tests."""

    def start(self, timeout: float = 60 * TIMEOUT_FACTOR) -> EmbeddedBroker:
        return super().start(timeout)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A running broker on a free port that it keeps.

    A test may `.stop()`, `.kill()` (SIGKILL) and `.start()` it; its address: `.bootstrap_servers`.
    """
    running = PatientBroker(tmp_path_factory.mktemp("kafka"), port=0, show=print)
    with needed("Apache Kafka does not start"):
        running.start()
    yield running
    running.stop()


@pytest.fixture
def connection(broker: EmbeddedBroker) -> Iterator[Connection]:
    """Topics of the test's own; its agents are stopped afterwards."""
    made = connect(broker.bootstrap_servers, prefix=f"t{uuid.uuid4().hex[:8]}.")
    yield made
    for agent in registry.running_agents():
        if agent.connection == made:
            assert registry.stop_agent(made, agent.name)


@pytest.fixture
def processes(connection: Connection) -> Iterator[AgentProcesses]:
    made = AgentProcesses(connection)
    yield made
    for process in made.running.values():
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A running broker with accounts, as the hub keeps them."""
    with SecuredKafka(tmp_path_factory.mktemp("secured-kafka")) as running:
        yield running


@pytest.fixture(autouse=True)
def _broker_runs_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Starts the broker again that a test left stopped, for the next test and its module."""
    yield
    if "broker" in request.fixturenames:
        request.getfixturevalue("broker").start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Adds the end of the broker's log to the report of a test that failed with it."""
    report = yield
    running = getattr(item, "funcargs", {}).get("broker")
    if report.failed and isinstance(running, EmbeddedBroker) and running.log_file.exists():
        tail = running.log_file.read_text("utf-8", "replace").splitlines()[-40:]
        report.sections.append(("the broker's log", "\n".join(tail)))
    return report
