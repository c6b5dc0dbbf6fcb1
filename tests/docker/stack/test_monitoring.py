"""MONITORING=yes adds Prometheus, Grafana and `watch`, none of which is published on the host."""

import os
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml

from tests.standins.engine import docker
from tests.support.containers import Containers
from tests.support.paths import DOCKER
from tests.support.stack import HUB_IMAGE, Stack
from tests.support.waiting import retry_until

# Reads its own metrics with and without the token.
READ = """
import json, pathlib, urllib.error, urllib.request
token = pathlib.Path("/run/secrets/metrics_token").read_text()
def read(headers):
    call = urllib.request.Request("http://127.0.0.1:9101/metrics", headers=headers)
    try:
        return urllib.request.urlopen(call, timeout=60).read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code)
print(json.dumps([read({}), read({"Authorization": "Bearer " + token})]))
"""
PROXY = """
import urllib.request
print(urllib.request.urlopen("http://proxy-api:8002/metrics", timeout=30).read().decode())
"""


def services(directory: Path, **settings: str) -> dict:
    """Return what `docker compose` would run with these settings."""
    secrets = directory / "secrets"
    secrets.mkdir(exist_ok=True)
    file = directory / "settings"
    example = (DOCKER / ".env.example").read_text()
    file.write_text(example + "".join(f"{name}={value}\n" for name, value in settings.items()))
    done = subprocess.run(
        [DOCKER / "compose", "config"],
        env={**os.environ, "SETTINGS": str(file), "SECRETS": str(secrets)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


WATCHING = {"watch", "prometheus", "grafana"}


def test_nobody_watches_by_default(tmp_path: Path) -> None:
    found = services(tmp_path)
    assert not WATCHING & set(found)
    assert "metrics_token" not in str(found["hub"])


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"DOMAIN": "m.example.org"}, "https://grafana--service.m.example.org"),
        ({"PORT": "9000"}, "http://grafana--service.localhost:9000"),
    ],
)
def test_grafana_has_a_host_of_its_own_and_asks_the_hub(
    tmp_path: Path, settings: dict[str, str], address: str
) -> None:
    found = services(tmp_path, MONITORING="yes", **settings)
    grafana = found["grafana"]["environment"]
    assert grafana["GF_SERVER_ROOT_URL"] == f"{address}/"
    public = address.replace("grafana--service.", "")
    asked = f"{public}/hub/api/oauth2/authorize"
    assert grafana["GF_AUTH_GENERIC_OAUTH_AUTH_URL"] == asked
    assert (grafana["GF_SECURITY_COOKIE_SECURE"] == "true") == address.startswith("https")
    assert {one["source"] for one in found["hub"]["secrets"]} > {"metrics_token", "grafana_secret"}


def test_grafana_needs_a_host_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="MONITORING=yes needs SUBDOMAINS=yes"):
        services(tmp_path, MONITORING="yes", SUBDOMAINS="no")


def test_watch_knows_whether_a_backup_is_made_every_day(tmp_path: Path) -> None:
    def told(**settings: str) -> str:
        found = services(tmp_path, MONITORING="yes", **settings)
        return found["watch"]["environment"]["BACKUP_AT"]

    assert told() == ""
    assert told(BACKUP_TO="/srv/backups", BACKUP_AT="03:00") == "03:00"


def test_those_who_watch_have_few_rights(tmp_path: Path) -> None:
    found = services(tmp_path, MONITORING="yes", DOMAIN="m.example.org")
    for name in WATCHING:
        service = found[name]
        assert not service.get("ports"), name
        assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)
        assert not service.get("user") and "mem_limit" in service
        assert ":latest" not in service["image"] and ":" in service["image"]
        assert "users" not in service["networks"], "no user's server reaches it"
        assert not [v for v in service["volumes"] if v["type"] == "bind" and not v["read_only"]]


def test_watch_sees_the_running_broker_and_the_hub_reads_the_proxys_numbers(stack: Stack) -> None:
    for name in ("metrics_token", "grafana_secret"):
        (stack.secrets / name).write_text(uuid.uuid4().hex * 2)
    before = stack.started()
    up = ("up", "--detach", "--no-deps", "--wait", "--wait-timeout", "180", "watch")
    try:
        stack.compose(*up, MONITORING="yes")
        program = ("exec", stack.container("watch"), "python", "-c", READ)
        without, metrics = yaml.safe_load(docker(*program))
        assert without == "403"
        assert "\nmosshub_broker_up 1.0\n" in metrics
        assert 'mosshub_topics{kind="agents",owner="team"} 1.0' in metrics
        assert stack.started() == before, "the others run on"
        assert "\nrequests_web " in stack.in_hub(PROXY)
    finally:
        stack.script("compose", "rm", "--stop", "--force", "watch", MONITORING="yes")
        docker("network", "rm", f"{stack.name}_monitoring")
        for name in ("metrics_token", "grafana_secret"):
            (stack.secrets / name).unlink()


# Answers with the cookies that reach it.
ECHO = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"grafana got {self.headers['Cookie']}".encode())
HTTPServer(("", 3000), Echo).serve_forever()
"""


def test_caddy_leads_to_grafana_on_its_own_host_only(stack: Stack, containers: Containers) -> None:
    alias = (f"--network={stack.name}_edge", "--network-alias=grafana")
    containers.run(*alias, HUB_IMAGE, "python", "-c", ECHO)
    session = stack.session()
    cookie = {"Cookie": "oauth_state=x; grafana_session=y"}
    url = f"http://grafana--service.localhost:{stack.port}/login"

    def answer() -> str:
        return session.get(url, headers=cookie, timeout=10).text

    retry_until(lambda: answer() == f"grafana got {cookie['Cookie']}", 60, "Grafana's answer")
    for host in ("localhost", "ada.localhost", "grafana.localhost"):
        other = f"http://{host}:{stack.port}/login"
        assert "grafana got" not in session.get(other, headers=cookie, timeout=10).text
