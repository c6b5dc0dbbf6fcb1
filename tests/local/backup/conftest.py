"""The broker that something is restored to."""

from collections.abc import Iterator

import pytest

from tests.support.secured_kafka import SecuredKafka


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A broker of another host, with another secret."""
    with SecuredKafka(tmp_path_factory.mktemp("target")) as running:
        yield running
