"""What the chart makes of values, and which values it refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import helm_python
import pytest

from docs import values_schema
from hub.settings import Settings
from tests.support.chart import (
    AGENT,
    CHART,
    NEEDED,
    VALUES,
    chart,
    one,
    pods,
    render,
    with_settings,
)
from tests.support.paths import ROOT
from tests.support.pod_security import violations


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[dict[str, Any]]]:
    return {name: render(values) for name, values in VALUES.items()}


@pytest.mark.parametrize("name", VALUES)
def test_every_pod_is_restricted_and_has_no_token(rendered: dict, name: str) -> None:
    found = pods(rendered[name])
    assert {"Deployment hub", "Deployment proxy", "Deployment edge"} <= set(found)
    assert {pod: violations(spec) for pod, spec in found.items()} == {key: [] for key in found}
    assert all(spec["automountServiceAccountToken"] is False for spec in found.values())
    # Variables such as KAFKA_PORT, one for each service, would be taken for settings.
    assert all(spec["enableServiceLinks"] is False for spec in found.values())
    assert all(c["resources"]["limits"]["memory"] for s in found.values() for c in s["containers"])


def test_a_pod_that_is_not_restricted_is_found(rendered: dict) -> None:
    spec = pods(rendered["least"])["Deployment hub"]
    assert violations({**spec, "hostNetwork": True}) == ["hostNetwork"]
    assert violations({**spec, "volumes": [{"name": "h", "hostPath": {"path": "/"}}]}) == [
        "volume h: hostPath"
    ]
    own = spec["containers"][0]["securityContext"]
    for change in ({"capabilities": {}}, {"allowPrivilegeEscalation": True}, {"runAsUser": 0}):
        container = {**spec["containers"][0], "securityContext": {**own, **change}}
        assert violations({**spec, "containers": [container]}) == [f"hub: {next(iter(change))}"]


@pytest.mark.parametrize("name", VALUES)
def test_each_object_is_there_once(rendered: dict, name: str) -> None:
    names = Counter((o["kind"], o["metadata"]["name"]) for o in rendered[name])
    assert [key for key, count in names.items() if count > 1] == []
    assert len(names) > 15


def test_the_hub_may_do_what_it_does_and_no_more(rendered: dict) -> None:
    objects = rendered["large"]
    assert [o["kind"] for o in objects if o["kind"].startswith("Cluster")] == []
    roles = {o["metadata"]["name"]: o["rules"] for o in objects if o["kind"] == "Role"}
    assert list(roles) == ["hub"]
    granted = {
        (resource, verb)
        for rule in roles["hub"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == {
        *(("pods", verb) for verb in ("get", "list", "watch", "create", "delete")),
        ("pods/log", "get"),
        ("persistentvolumeclaims", "get"),
        ("persistentvolumeclaims", "create"),
        *(("leases", verb) for verb in ("create", "get", "update", "delete")),
    }


@pytest.mark.parametrize("name", VALUES)
def test_the_hub_accepts_the_settings_that_the_chart_gives_it(rendered: dict, name: str) -> None:
    data = one(rendered[name], "ConfigMap", "mosshub-settings")["data"]
    key = "0" * 64
    secrets = {"proxy_token": key, "cookie_secret": key, "crypt_key": key, "broker_secret": key}
    settings = Settings.model_validate(
        {k.lower(): v for k, v in data.items() if v} | secrets | {"oauth_client_secret": "s"}
    )
    assert (settings.servers, settings.instance) == ("pods", "moss")
    given = VALUES[name]["settings"]
    assert settings.allowed_users == {"ada", "linus"}
    assert settings.subdomains is given.get("SUBDOMAINS", True)
    assert settings.active_server_limit == given.get("ACTIVE_SERVER_LIMIT", 10)
    assert settings.bootstrap_servers == given.get("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")


def test_the_files_are_those_of_one_host(rendered: dict) -> None:
    for name in ("proxy", "kafka"):
        data = one(rendered["least"], "ConfigMap", name)["data"]
        files = {p.name: p.read_text() for p in (ROOT / "docker" / name).iterdir() if p.is_file()}
        assert {k: v.strip() for k, v in data.items() if k != "brokers"} == {
            k: v.strip() for k, v in files.items()
        }


def test_three_brokers_keep_three_copies_on_three_nodes(rendered: dict) -> None:
    kafka = one(rendered["least"], "StatefulSet", "kafka")["spec"]
    assert kafka["replicas"] == 3
    (rule,) = kafka["template"]["spec"]["topologySpreadConstraints"]
    assert rule["topologyKey"] == "kubernetes.io/hostname"
    assert rule["labelSelector"]["matchLabels"]["component"] == "kafka"
    assert one(rendered["trial"], "StatefulSet", "kafka")["spec"]["replicas"] == 1


def test_of_what_has_replicas_one_is_taken_away_at_a_time(rendered: dict) -> None:
    for name in ("kafka", "proxy", "edge"):
        budget = one(rendered["least"], "PodDisruptionBudget", name)["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"]["matchLabels"]["component"] == name


def test_images_are_on_every_node_before_they_are_needed(rendered: dict) -> None:
    prepull = pods(rendered["gateway"])["DaemonSet prepull"]
    assert [c["image"] for c in prepull["containers"]] == ["r/user:cpu", "r/user:gpu"]
    assert "DaemonSet prepull" not in pods(rendered["trial"])


def test_users_take_the_place_of_placeholders(rendered: dict) -> None:
    objects = rendered["large"]
    values = {o["metadata"]["name"]: o["value"] for o in objects if o["kind"] == "PriorityClass"}
    assert values == {"team-moss-users": 0, "team-moss-placeholders": -10}
    placeholder = pods(objects)["Deployment placeholders"]
    assert placeholder["priorityClassName"] == "team-moss-placeholders"
    settings = one(objects, "ConfigMap", "mosshub-settings")["data"]
    assert settings["PRIORITY_CLASS"] == "team-moss-users"
    assert [o for o in rendered["least"] if o["kind"] == "PriorityClass"] == []


def test_a_kafka_of_the_teams_own_takes_the_place_of_the_brokers(rendered: dict) -> None:
    objects = rendered["managed"]
    assert [o for o in objects if o["kind"] == "StatefulSet"] == []
    data = one(objects, "ConfigMap", "mosshub-settings")["data"]
    assert data["KAFKA_ADMIN_SERVER"] == "kafka.example.org:9093"


def test_users_reach_hub_brokers_dns_and_the_internet(rendered: dict) -> None:
    policy = one(rendered["managed"], "NetworkPolicy", "users")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    hub, kafka, dns, internet = policy["egress"]
    assert hub["to"][0]["podSelector"]["matchLabels"]["component"] == "hub"
    assert [port["port"] for rule in (hub, kafka, dns) for port in rule["ports"]] == [
        *(8081, 9092, 53, 53)
    ]
    blocks = [to["ipBlock"] for to in internet["to"]]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(blocks[0]["except"])
    assert blocks[-1] == {"cidr": "10.1.2.0/24"}
    (way,) = policy["ingress"]
    assert [f["podSelector"]["matchLabels"]["component"] for f in way["from"]] == ["proxy", "hub"]


def test_only_the_hub_reaches_the_proxys_api(rendered: dict) -> None:
    people, api = one(rendered["least"], "NetworkPolicy", "proxy")["spec"]["ingress"]
    who = [f["podSelector"]["matchLabels"]["component"] for f in api["from"]]
    assert [p["port"] for p in api["ports"]] == [8001, 8002] and who == ["hub", "proxy"]
    who = [f["podSelector"]["matchLabels"]["component"] for f in people["from"]]
    assert [p["port"] for p in people["ports"]] == [8000] and who == ["edge", "hub"]


def test_keys_are_generated_kept_and_may_be_ones_own(rendered: dict) -> None:
    keys = one(rendered["least"], "Secret", "mosshub-keys")
    assert keys["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert sorted(keys["data"]) == [
        *("broker_secret", "cookie_secret", "crypt_key", "metrics_token", "proxy_token")
    ]
    assert len(set(keys["data"].values())) == 5
    assert [o for o in rendered["managed"] if o["kind"] == "Secret"] == []
    volumes = pods(rendered["managed"])["Deployment hub"]["volumes"]
    (secrets,) = (v["projected"]["sources"] for v in volumes if v["name"] == "secrets")
    assert [s["secret"]["name"] for s in secrets if "secret" in s] == ["my-keys", "mosshub"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (with_settings(DOMAIN=""), "settings.DOMAIN is not set"),
        (with_settings() | {"edge": {"tls": "none"}}, "browsers would send passwords unencrypted"),
        (NEEDED | {"edge": {"gateway": {"name": "public"}}}, "no Ingress or HTTPRoute"),
        (NEEDED | {"edge": {"ingress": {"className": "traefik"}}}, "no Ingress or HTTPRoute"),
        (NEEDED | {"edge": {"gateway": {"listeners": ["hub"]}}}, "say whose listeners"),
        (with_settings(OAUTH_CLIENT_ID=""), "settings.OAUTH_CLIENT_ID is not set"),
        (with_settings(ALLOWED_USERS=[]), "Nobody could sign in"),
        (NEEDED | {"agents": [AGENT]}, "add it to settings.KAFKA_SERVICES"),
        (with_settings(KAFKA_SERVICES="cnn") | {"agents": [AGENT]}, "which needs watch.enabled"),
        (with_settings(DOMAINE="x"), "DOMAINE"),
        (with_settings(OAUTH_PROVIDER="facebook"), "/settings/OAUTH_PROVIDER"),
        (with_settings(ACTIVE_SERVER_LIMIT="many"), "/settings/ACTIVE_SERVER_LIMIT"),
        (with_settings(SERVERS="processes"), "SERVERS"),
        (with_settings(COOKIE_SECRET="0" * 64), "COOKIE_SECRET"),
        (NEEDED | {"kafka": {"replicas": 2}}, "/kafka/replicas"),
        (NEEDED | {"agents": [AGENT | {"max": 5}]}, "/agents/0/max"),  # there are four partitions
        (NEEDED | {"edge": {"tls": "yes"}}, "/edge/tls"),
        (NEEDED | {"kafak": {}}, "kafak"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict, said: str) -> None:
    with pytest.raises(helm_python.HelmError) as refused:
        render(values)
    assert said in str(refused.value)


def test_a_release_has_a_name_that_users_pods_can_begin_with() -> None:
    with pytest.raises(helm_python.HelmError, match="at most 31 characters"):
        render(NEEDED, name="m" * 32)
    assert render(NEEDED, name="m" * 31)


def test_helm_finds_nothing_to_complain_about() -> None:
    findings = helm_python.lint(CHART, NEEDED)
    assert findings["total_charts_linted"] == 1 and findings["errors"] == []
    warning = 2  # 1: a chart may have an icon
    assert [found for found in findings["messages"] if found["severity"] >= warning] == []


def test_the_schema_is_fresh_and_says_what_each_setting_is() -> None:
    assert values_schema.SCHEMA.read_text("utf-8") == values_schema.schema(), "make settings-docs"
    about = (chart().schema or {})["properties"]["settings"]["properties"]
    assert about["DOMAIN"]["description"] == Settings.model_fields["domain"].description
    assert "COOKIE_SECRET" not in about and "HOME_SIZE" in about
