"""What the tests with real parts share: one Apache Kafka, and topics of a test's own on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.agents import registry
from imageclass.kafka.connection import Connection, connect

from tests.local.accounts import Guarded
from tests.local.streaming import Processes


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A running broker on a free port that it keeps.

    A test may `.stop()`, `.kill()` (SIGKILL) and `.start()` it; its address: `.bootstrap_servers`.
    """
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), port=0, show=print) as running:
        yield running


@pytest.fixture
def connection(broker: EmbeddedBroker) -> Iterator[Connection]:
    """Topics of the test's own; its agents are stopped afterwards."""
    made = connect(broker.bootstrap_servers, prefix=f"t{uuid.uuid4().hex[:8]}.")
    yield made
    for agent in registry.running_agents():
        if agent.connection == made:
            assert registry.stop_agent(made, agent.name)


@pytest.fixture
def processes(connection: Connection) -> Iterator[Processes]:
    made = Processes(connection)
    yield made
    for process in made.running.values():
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A running broker with accounts, and who keeps them."""
    with Guarded(tmp_path_factory.mktemp("guarded")) as running:
        yield running


@pytest.fixture(autouse=True)
def _broker_runs(request: pytest.FixtureRequest) -> None:
    """Starts the broker again that an earlier test left stopped."""
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
