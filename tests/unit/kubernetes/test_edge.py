"""The edge and what leads to it, as the chart makes them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chart import CHART, GATEWAY, VALUES, one, pods, render


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[dict[str, Any]]]:
    return {name: render(values) for name, values in VALUES.items()}


def test_the_edge_answers_for_the_domain_and_every_name_below_it(rendered: dict) -> None:
    rules = one(rendered["managed"], "Ingress", "edge")["spec"]["rules"]
    hosts = ["moss.example.org", "*.moss.example.org"]
    assert [rule["host"] for rule in rules] == hosts
    assert one(rendered["gateway"], "HTTPRoute", "edge")["spec"]["hostnames"] == hosts
    env = edge_of(rendered["least"])
    assert (env["SITE"], env["USERS_SITE"], env["COOKIES"]) == ("moss.example.org", "some", "some")


def edge_of(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Return the variables of the edge."""
    container = pods(objects)["Deployment edge"]["containers"][0]
    return {variable["name"]: variable["value"] for variable in container["env"]}


def test_browsers_are_told_to_stay_encrypted_whoever_has_the_certificate(rendered: dict) -> None:
    edges = {name: edge_of(rendered[name])["EDGE"] for name in ("least", "gateway", "trial")}
    assert edges == {"least": "https-files", "gateway": "https-elsewhere", "trial": "http"}
    blocks = (CHART / "files/caddy/Caddyfile").read_text("utf-8").split("\n(")
    told = {block.split(")")[0] for block in blocks if "Strict-Transport-Security" in block}
    assert {"https-files", "https-elsewhere"} <= told and "http" not in told


def test_the_edge_believes_the_controllers_networks(rendered: dict) -> None:
    assert edge_of(rendered["least"])["FORWARDED"] == "nobody"
    edge = {"tls": "elsewhere", "trusted": ["100.64.0.0/10", "203.0.113.0/24"]}
    env = edge_of(render(GATEWAY | {"edge": edge}))
    assert (env["FORWARDED"], env["TRUSTED"]) == ("host", "100.64.0.0/10 203.0.113.0/24")


def test_a_route_is_for_the_gateways_listeners_that_were_named(rendered: dict) -> None:
    gateway = {"name": "public", "namespace": "gateways"}
    assert one(rendered["gateway"], "HTTPRoute", "edge")["spec"]["parentRefs"] == [gateway]
    edge = {"tls": "elsewhere", "gateway": {**gateway, "listeners": ["hub", "users"]}}
    assert one(render(GATEWAY | {"edge": edge}), "HTTPRoute", "edge")["spec"]["parentRefs"] == [
        {**gateway, "sectionName": "hub"},
        {**gateway, "sectionName": "users"},
    ]
