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


def test_no_service_logs_a_query_or_a_header(stack, ada):
    """Whatever the request ends with; every error of the hub: tests/local/platform."""
    canary = uuid.uuid4().hex
    query = f"code={canary}&state={canary}&next=%2Fhub%2Fx%3Fcode%3D{canary}"
    headers = {
        "Authorization": f"token {canary}",
        "Cookie": f"_xsrf={canary}",
        "X-XSRFToken": canary,
        "Referer": f"{stack.url}/?code={canary}",
    }
    for path in ("/hub/oauth_callback", "/hub/api/user", "/hub/login", "/user/ada/oauth_callback"):
        for session in (requests.Session(), ada.session):
            session.get(f"{stack.url}{path}?{query}", headers=headers, timeout=30)
    end = uuid.uuid4().hex
    requests.get(f"{stack.url}/hub/{end}", timeout=30)
    retry_until(lambda: end in stack.logs("hub"), 20, "the requests are logged")
    assert canary not in stack.compose("logs", "--no-color")
    assert canary not in docker("logs", ada.container)
