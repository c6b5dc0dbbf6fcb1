"""The bench with a cluster gives the hub what the chart gives it, and simulates what it says."""

import json

from marimo_singleuser import app, team_messages

from bench.scale.editors import MESSAGES_S, MINUTE_S, SIGNED_IN_S
from bench.scale.platform import RULES, hubs_objects
from hub import idle
from tests.support.chart import NEEDED, one, render


def test_the_hub_may_do_what_the_chart_lets_it_do() -> None:
    assert one(render(NEEDED), "Role", "hub")["rules"] == RULES


def test_the_hubs_requests_are_counted_apart() -> None:
    schema = one(hubs_objects(), "FlowSchema", "hub")
    assert '"User", "user": {"name": "hub"}' in json.dumps(schema["spec"]["rules"])


def test_a_simulated_server_asks_the_hub_as_often_as_a_real_one() -> None:
    assert MESSAGES_S == team_messages._VALID_S
    assert SIGNED_IN_S == app.HUB_CACHE_S
    assert MINUTE_S == idle._MAX_REPORT_S
