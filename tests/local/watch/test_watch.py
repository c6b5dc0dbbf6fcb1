"""What Prometheus reads from the real parts: numbers, and nothing that somebody wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
import requests
import yaml
from mosshub_contract.apps import AppCard
from mosshub_contract.snapshots import Snapshot, pack

from hub.apps.store import DIRECTORY, AppStore
from tests.local.watch.conftest import (
    GRAFANA_SECRET,
    SECRET_TEXT,
    TOKEN,
    Watched,
    cpu_seconds,
    open_server,
)
from tests.local.watch.expressions import left_out, selectors, with_labels
from tests.local.watch.prometheus import RunningPrometheus
from tests.support.paths import DOCKER
from tests.support.people import LocalPerson
from tests.support.waiting import TIMEOUT_FACTOR, retry_until, wait_until

pytestmark = pytest.mark.slow
SCRAPES = 10
INTERVAL_S = 30  # of docker/monitoring/prometheus.yaml


def dashboard_queries() -> list[str]:
    found = json.loads((DOCKER / "monitoring/grafana/dashboards/mosshub.json").read_text())
    return [t["expr"] for panel in found["panels"] for t in panel.get("targets", ())]


def three_parts_answer(prometheus: RunningPrometheus) -> None:
    """Wait until Prometheus has read hub, proxy and `watch`."""

    def answering() -> bool:
        try:
            return len(prometheus.query("up == 1")) == 3
        except requests.RequestException:  # it refuses, or says that it is not ready
            return False

    wait_until(answering, 60, f"three parts that answer; {prometheus.log.read_text()[-2000:]}")


def test_the_broker_is_told_by_owner_and_kind(watched: Watched) -> None:
    lines = (
        "mosshub_broker_up 1.0",
        'mosshub_topic_messages_written_total{kind="requests",owner="ada"} 5.0',
        'mosshub_topic_messages{kind="dead-letters",owner="ada"} 1.0',
        'mosshub_group_lag{group="ada.cnn",owner="ada"} 5.0',
        'mosshub_agent_answered_total{agent="cnn",instance="one",owner="ada"} 10.0',
        'mosshub_agent_throttled_seconds_total{agent="cnn",instance="one",owner="ada"} 1.5',
        "mosshub_backup_succeeded 1.0",
        "mosshub_backup_expected 1.0",
        "mosshub_certificate_expected 1.0",
    )

    def missing() -> list[str]:
        text = watched.read(watched.watch_url)
        return [line for line in lines if f"\n{line}\n" not in text]

    # Its broker and its reader of heartbeats may be a moment behind.
    retry_until(lambda: not missing(), 30, "every line is told")
    text = watched.read(watched.watch_url)
    assert 'mosshub_topic_bytes{kind="requests",owner="ada"}' in text
    assert "\nmosshub_certificate_valid_until_seconds " in text
    assert "\nmosshub_broker_disk_free_bytes " in text


def test_only_who_has_the_token_reads_the_hubs_metrics(watched: Watched) -> None:
    assert "jupyterhub_total_users" in watched.read(watched.hub_url)
    assert requests.get(watched.hub_url, timeout=10).status_code == 403
    ada = LocalPerson(watched.hub, "ada")
    assert ada.api("GET", "metrics").status_code == 403
    headers = {"Authorization": f"Bearer {TOKEN}"}
    users = f"http://127.0.0.1:{watched.hub.hub_port}/hub/api/users"
    assert requests.get(users, headers=headers, timeout=10).status_code == 403


def test_no_secret_and_no_message_is_in_a_metric(watched: Watched) -> None:
    open_server(watched.hub, "vera")
    texts = [watched.read(url) for url in (watched.hub_url, watched.proxy_url, watched.watch_url)]
    assert 'user="vera"' in texts[0]
    secrets = [
        TOKEN,
        GRAFANA_SECRET,
        SECRET_TEXT,
        watched.kafka.secret_file.read_text().strip(),
        watched.ada.account.password,
        watched.kafka.own_settings()["KAFKA_ADMIN_PASSWORD"],
        watched.hub.password,
        watched.hub.admin_password,
    ]
    for text in texts:
        assert [secret for secret in secrets if secret in text] == []
        assert not re.search(r"[0-9a-f]{32}", text), "it looks like a token"


def test_an_app_is_told_beside_its_authors_editor(watched: Watched) -> None:
    mia = open_server(watched.hub, "mia")
    card = AppCard("peek", "Peek", "peek.py", audience=("mia",))
    store = AppStore(watched.hub.data_dir / "hub" / DIRECTORY)
    store.publish("mia", pack(Snapshot(card, {"peek.py": b""})))
    mia.session.get(f"{watched.hub.url}/hub/apps/mia/peek", timeout=60).raise_for_status()
    app, editor = (f'{{server="{name}",user="mia"}} ' for name in ("app-peek", ""))
    wanted = [
        f"\nmosshub_server_{what}{place}"
        for what in ("memory_bytes", "processors")
        for place in (app, editor)
    ]

    def read() -> str:
        text = watched.read(watched.hub_url)
        return text if all(line in text for line in wanted) else ""

    metrics = retry_until(read, 60, "the app beside the editor")
    assert f"mosshub_home_bytes{editor}1000.0" in metrics
    assert f"mosshub_home_bytes{app}" not in metrics


@pytest.fixture(scope="module")
def prometheus(
    watched: Watched, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPrometheus]:
    running = RunningPrometheus(tmp_path_factory.mktemp("prometheus"), watched)
    yield running
    running.stop()


@pytest.mark.prometheus
def test_every_query_of_the_dashboard_returns_data(
    watched: Watched, prometheus: RunningPrometheus
) -> None:
    three_parts_answer(prometheus)
    open_server(watched.hub, "ida")  # a start between two scrapes
    queries = dashboard_queries()
    assert len(queries) > 20

    def empty() -> list[str]:
        return [
            query
            for query in queries
            if not [r for r in prometheus.query(query) if r["value"][1] != "NaN"]
        ]

    wait_until(lambda: not empty(), 90, "data for every query")
    # Not by chance: a metric that nobody has returns nothing.
    assert prometheus.query("mosshub_no_such_metric") == []


@pytest.mark.prometheus
def test_every_alert_reads_what_the_parts_tell(
    watched: Watched, prometheus: RunningPrometheus
) -> None:
    """A misspelt metric or label would never fire. No rule is left out: all have real series."""
    three_parts_answer(prometheus)
    lea = open_server(watched.hub, "lea")
    # Pages that `HubSlow` leaves out, each by a part of its handler's name.
    for path in ("hub/spawn/lea", "hub/api/users/lea/server/progress", "hub/user/nobody/"):
        lea.session.get(f"{watched.hub.url}/{path}", timeout=60)
    lea.api("POST", "users/lea/server")  # which runs already
    rules = yaml.safe_load((DOCKER / "monitoring/rules.yaml").read_text())["groups"][0]["rules"]
    assert len(rules) > 10

    def missing() -> list[tuple[str, str]]:
        return [
            (rule["alert"], query)
            for rule in rules
            for selector in selectors(rule["expr"])
            for query in (with_labels(selector, rule), *left_out(selector))
            if not prometheus.query(query)
        ]

    assert all(selectors(rule["expr"]) for rule in rules)
    retry_until(lambda: not missing(), 60, f"series for every alert; {missing()}")


@pytest.mark.prometheus
def test_rules_are_loaded_and_nothing_fires_on_a_healthy_platform(
    watched: Watched, prometheus: RunningPrometheus
) -> None:
    groups = requests.get(f"{prometheus.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == 17
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    # The agent of these tests sent one heartbeat, so it is lost by now. Its dead letter is older
    # than the first scrape.
    firing = prometheus.query('ALERTS{alertstate="firing",alertname!="AgentLost"}')
    assert firing == []


def test_scraping_costs_less_than_a_hundredth_of_a_core(watched: Watched) -> None:
    hub, watch = watched.hub.hub_process(), psutil.Process(watched.watch.pid)
    before = cpu_seconds(watch), cpu_seconds(hub)
    for _ in range(SCRAPES):
        watched.read(watched.watch_url)
        watched.read(watched.hub_url)
    took = (cpu_seconds(watch) - before[0] + cpu_seconds(hub) - before[1]) / SCRAPES
    print(f"\na scrape takes {took:.3f} s of processor: {took / INTERVAL_S:.2%} of a core")
    assert took / INTERVAL_S < 0.01 * TIMEOUT_FACTOR


def test_grafana_lets_admins_in_through_the_hub_and_nobody_else(watched: Watched) -> None:
    """What Grafana asks the hub, in its order: authorize, token, who it is."""
    hub = watched.hub
    redirect = f"http://grafana--service.localhost:{hub.port}/login/generic_oauth"
    question = {
        "client_id": "service-grafana",
        "redirect_uri": redirect,
        "response_type": "code",
        "state": "s",
    }
    url = f"{hub.url}/hub/api/oauth2/authorize"
    ada = LocalPerson(hub, "ada")
    refused = ada.session.get(url, params=question, allow_redirects=False, timeout=30)
    assert refused.status_code == 403
    admin = LocalPerson(hub, "admin", hub.admin_password)
    allowed = admin.session.get(url, params=question, allow_redirects=False, timeout=30)
    assert allowed.status_code == 302, allowed.text
    assert allowed.headers["Location"].startswith(redirect)
    code = parse_qs(urlsplit(allowed.headers["Location"]).query)["code"][0]
    inside = f"http://127.0.0.1:{hub.hub_port}/hub/api"
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
    wrong = {**form, "client_id": "service-grafana", "client_secret": "wrong"}
    assert requests.post(f"{inside}/oauth2/token", data=wrong, timeout=30).status_code >= 400
    right = {**form, "client_id": "service-grafana", "client_secret": GRAFANA_SECRET}
    token = requests.post(f"{inside}/oauth2/token", data=right, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{inside}/user", headers=headers, timeout=30).json()["name"] == "admin"
    assert requests.get(f"{inside}/users", headers=headers, timeout=30).status_code == 403


def test_a_broker_that_is_away_is_told(watched: Watched) -> None:
    watched.kafka.broker.stop()
    text = watched.read(watched.watch_url)
    assert "\nmosshub_broker_up 0.0\n" in text
    assert "mosshub_group_lag" not in text
    assert "\nmosshub_backup_succeeded 1.0\n" in text
