"""One hub with two people for all tests of this package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.singleuser import Hub, Person, proxy_command
from tests.support.waiting import TIMEOUT_FACTOR

HERE = Path(__file__).parent
TIMEOUT_S = 150 * TIMEOUT_FACTOR


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "last: runs after all other tests of its package")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its time limit, and put those marked `last` behind the others here."""
    places = [i for i, item in enumerate(items) if item.path.is_relative_to(HERE)]
    ours = [items[i] for i in places]
    ours.sort(key=lambda item: item.get_closest_marker("last") is not None)
    for i, item in zip(places, ours, strict=True):
        item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        items[i] = item


@pytest.fixture(scope="package")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A running hub."""
    running = Hub(tmp_path_factory.mktemp("singleuser"), proxy_command())
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _show_log(hub: Hub) -> Iterator[None]:
    """Print what the hub and the servers logged meanwhile; pytest shows it when a test fails."""
    before = hub.log_sizes()
    yield
    print(hub.log(before)[-6000:])


@pytest.fixture(scope="package")
def _ada(hub: Hub) -> Person:
    person = Person(hub, "ada")
    person.start()
    return person


@pytest.fixture
def ada(_ada: Person) -> Iterator[Person]:
    """Ada; her editor runs, whatever an earlier test did to it."""
    _ada.open()
    yield _ada
    for notebook in list(_ada.notebooks):
        with contextlib.suppress(requests.RequestException, AssertionError):
            notebook.close()
    _ada.notebooks.clear()


@pytest.fixture(scope="package")
def bob(hub: Hub) -> Person:
    """Bob; his server runs."""
    person = Person(hub, "bob")
    person.start()
    return person
