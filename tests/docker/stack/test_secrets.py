"""Secrets are in no setting and no log."""

import uuid

import pytest
import requests

from tests.standins.engine import docker
from tests.support.stack import SERVICES
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# Secrets


def test_secrets_are_in_no_setting_and_no_log(stack):
    values = [stack.secret(s) for s in ("proxy_token", "cookie_secret", "crypt_key")]
    values += [stack.secret(s) for s in ("broker_secret", "oauth_client_secret")]
    assert all(len(value) >= 32 for value in values)
    for service in SERVICES - {"keycloak"}:  # the demo's own secret is in its environment
        seen = docker("inspect", stack.container(service))
        assert [v for v in values if v in seen] == [], service
    logs = stack.compose("logs", "--no-color")
    assert [v for v in values if v in logs] == []


def test_the_directory_of_secrets_is_closed(stack):
    assert stack.secrets.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in stack.secrets.iterdir()} == {0o644}


def test_the_access_log_has_no_query_no_cookie_no_token(stack):
    canary = uuid.uuid4().hex
    requests.get(
        f"{stack.url}/hub/{canary[:8]}?token=q{canary}",
        headers={"Authorization": f"token a{canary}", "Cookie": f"x=c{canary}", "Referer": canary},
        timeout=10,
    )
    log = retry_until(
        lambda: next(
            (x for x in stack.compose("logs", "caddy").splitlines() if canary[:8] in x), None
        ),
        20,
        "the request is logged",
    )
    assert canary not in log
    assert '"status":' in log
