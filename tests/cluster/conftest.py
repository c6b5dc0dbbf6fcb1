"""Fixtures of tests with a Kubernetes cluster: one for all of them, a namespace for each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import keda, tools, traefik
from tests.cluster.cluster import Cluster
from tests.cluster.platform import ClusterPlatform, PodPerson, images
from tests.cluster.pods import DEBIAN, Namespace
from tests.standins import ensure
from tests.support.engine_lock import engine
from tests.support.setup import needed

HERE = Path(__file__).parent
NODES = 3
CLUSTER = pytest.StashKey[Cluster]()
#: Tests that run only on demand, with what takes long to build for them.
ON_DEMAND = {"test_agents.py": keda, "test_ingress.py": traefik}
collect_ignore = [name for name, needs in ON_DEMAND.items() if not needs.is_wanted()]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs before the first test: no test's time is long enough for it."""
    ours = [item for item in session.items if item.path.is_relative_to(HERE)]
    if ours and not session.config.option.collectonly:
        with needed("Kubernetes cannot be built"):
            tools.ensure(_say(session.config))
            names = {item.path.name for item in ours}
            for needs in (ON_DEMAND[name] for name in ON_DEMAND if name in names):
                needs.ensure(_say(session.config))


def _say(config: pytest.Config) -> Any:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    return terminal.write_line if terminal else print


def images_of(session: pytest.Session) -> list[str]:
    """Build the images that the tests of this run need; return their names."""
    with engine(alone=False):
        ensure(DEBIAN)
    if any("platform" in getattr(item, "fixturenames", ()) for item in session.items):
        return [DEBIAN, *images()]
    return [DEBIAN]


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Start the cluster that tests share: a node that a test ends, it starts again."""
    running = Cluster(_say(request.config))
    request.config.stash[CLUSTER] = running
    try:
        with needed("the cluster does not start"):
            running.start(NODES, images_of(request.session))
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def platform(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterPlatform]:
    """The platform with three brokers, which tests share: what one ends or changes comes back."""
    with needed("the platform does not start"):
        space = Namespace(cluster, f"team-{secrets.token_hex(4)}")
        made = ClusterPlatform(cluster, space.name, tmp_path_factory.mktemp("platform"))
    try:
        with needed("the platform does not start"):
            made.install()
        yield made
    finally:
        made.stop()
        space.delete()


@pytest.fixture
def ada(platform: ClusterPlatform) -> Iterator[PodPerson]:
    """Ada, whose server runs; the person who does what a test is about."""
    with platform.at_work("ada") as person:
        yield person


@pytest.fixture
def linus(platform: ClusterPlatform) -> Iterator[PodPerson]:
    """Linus, whose server runs; the person who has no part in it."""
    with platform.at_work("linus") as person:
        yield person


@pytest.fixture
def idle(platform: ClusterPlatform) -> Iterator[PodPerson]:
    """Grace, whose server does not run."""
    grace = platform.person("grace")
    grace.stop()
    yield grace
    grace.stop()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """Make a namespace, in which Pod Security enforces its profile `restricted`."""
    made = Namespace(cluster, f"test-{secrets.token_hex(4)}")
    yield made
    made.delete()


def log_of(cluster: Cluster, component: str) -> str:
    """Return the end of the log of a component of the platform; empty if it does not run."""
    pods = ("pods", "-A", "-l", f"component={component}")
    try:
        found = [pod["metadata"] for pod in cluster.get(*pods)["items"]]
        return "".join(
            cluster.kubectl("logs", "-n", pod["namespace"], pod["name"], "--tail=120", timeout=20)
            for pod in found
        )
    except RuntimeError as error:
        return str(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the cluster's pods and events, and its machines' logs, beside a failure."""
    report = yield
    if report.failed and CLUSTER in item.config.stash:
        running = item.config.stash[CLUSTER]
        for what in ("pods", "events"):
            try:
                text = running.kubectl("get", what, "-A", "-o", "wide", timeout=20)
            except Exception as error:
                text = repr(error)
            report.sections.append((what, text[-6000:]))
        for component in ("hub", "proxy"):
            report.sections.append((f"log of {component}", log_of(running, component)))
        report.sections.extend((f"log of {name}", text) for name, text in running.logs().items())
    return report
