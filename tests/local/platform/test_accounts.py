"""Accounts through the platform as `make run` starts it: from the spawn to the person's removal."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import wait_until


def account_file(platform: RunningPlatform, name: str) -> Path:
    """Return the account file that a person's kernels know of."""
    home = str(platform.data_dir / "users" / name)
    for process in platform.processes():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("HOME") == home and "MOSSHUB_BROKER_ACCOUNT" in environment:
            return Path(environment["MOSSHUB_BROKER_ACCOUNT"])
    raise AssertionError(f"no kernel of {name} knows of an account")


def works(platform: RunningPlatform, account: dict) -> bool:
    """Return whether the broker lets the account in; a slow broker is asked again."""
    said: list[KafkaError] = []
    admin = AdminClient(
        {
            "bootstrap.servers": f"127.0.0.1:{platform.kafka_port}",
            "security.protocol": account["security_protocol"],
            "sasl.mechanism": account["sasl_mechanism"],
            "sasl.username": account["username"],
            "sasl.password": account["password"],
            "error_cb": said.append,
        },
        logger=logging.getLogger("tests"),
    )

    def answer() -> str:
        with suppress(KafkaException):
            admin.list_topics(timeout=1)
            return "let in"
        admin.poll(0)
        refused = any(error.code() == KafkaError._AUTHENTICATION for error in said)
        return "refused" if refused else ""

    return wait_until(answer, 60, "the broker lets the account in or refuses it") == "let in"


@pytest.fixture
def admin(platform: RunningPlatform) -> LocalPerson:
    return LocalPerson(platform, "admin", platform.admin_password)


@pytest.mark.slow
def test_a_person_has_an_account_from_the_start_to_the_removal(platform, admin):
    LocalPerson(platform, "maria").editor()
    file = account_file(platform, "maria")
    # Where the broker is slow, the editor opens first.
    wait_until(
        lambda: json.loads(file.read_text())["broker"] == "ready", 60, "the account is ready"
    )
    account = json.loads(file.read_text())
    assert account["username"] == "maria"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert not file.is_relative_to(platform.data_dir)
    assert works(platform, account)
    assert not works(platform, {**account, "password": "wrong"})

    # Nowhere else: no argument, no environment, no log.
    secret = (platform.data_dir / "hub" / "broker_secret").read_text().strip()
    assert (platform.data_dir / "hub" / "broker_secret").stat().st_mode & 0o777 == 0o600
    words = [account["password"], secret]
    for process in platform.processes():
        seen = " ".join(process.cmdline())
        with suppress(psutil.Error):  # a process that hides its environment
            seen += str(process.environ())
        assert [w for w in words if w in seen] == [], process
    logs = [platform.log, *(p.read_text() for p in (platform.data_dir / "kafka/logs").iterdir())]
    assert [w for w in words for log in logs if w in log] == []
    for name in ("server.jaas", "admin.address"):
        assert (platform.data_dir / "kafka" / name).stat().st_mode & 0o777 == 0o600

    assert check(platform).startswith("Hub and broker agree."), check(platform)
    assert admin.api("DELETE", "users/maria").status_code == 204
    wait_until(lambda: not works(platform, account), 60, "the account is gone")
    wait_until(lambda: not file.parent.exists(), 60, "the file went with the server")
    # The next person under the name has another password.
    LocalPerson(platform, "maria").editor()
    again = json.loads(account_file(platform, "maria").read_text())
    assert again["password"] != account["password"]
    wait_until(lambda: works(platform, again), 60, "the new account")


def check(platform: RunningPlatform, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hub.accounts", "check", *options],
        cwd=ROOT,
        env=platform.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_only_a_persons_own_server_is_told_the_account(platform, admin):
    url = f"{platform.url}/hub/api/mosshub/broker-account"
    person = LocalPerson(platform, "nora")

    def token(scopes: list[str]) -> dict[str, str]:
        made = person.api("POST", "users/nora/tokens", json={"scopes": scopes})
        assert made.status_code == 201, made.text
        return {"Authorization": f"token {made.json()['token']}"}

    own = token(["users:activity!user", "access:servers!server=nora/"])
    assert requests.get(url, headers=own, timeout=30).json()["username"] == "nora"
    unknown = token(["users:activity!user"])  # of no server, or of one that is no app of hers
    assert requests.get(url, headers=unknown, timeout=30).status_code == 403
    # As another's server knows her by, and as a page of another's would ask in her browser.
    looking = token(["access:servers!user", "read:users!user"])
    assert requests.get(url, headers=looking, timeout=30).status_code == 403
    assert person.api("GET", "mosshub/broker-account").status_code == 403
    assert requests.get(url, timeout=30).status_code == 403
    # An admin's token gives the admin's account and no other.
    made = admin.api("POST", "users/admin/tokens", json={})
    headers = {"Authorization": f"token {made.json()['token']}"}
    assert requests.get(url, headers=headers, timeout=30).json()["username"] == "admin"


@pytest.mark.slow
def test_a_broker_that_is_away_keeps_nobody_from_their_editor(platform):
    LocalPerson(platform, "olga").editor()
    with platform.broker_paused():
        began = time.monotonic()
        person = LocalPerson(platform, "paula")
        started = person.api("POST", "users/paula/server")
        assert started.status_code in (201, 202), started.text
        said = person.api("GET", "users/paula/server/progress", stream=True)
        words = " ".join(line.decode() for line in said.iter_lines())
        person.editor()
        took = time.monotonic() - began
        print(f"with the broker away an editor opened after {took:.1f} s")
        assert "The broker is away. Your editor starts without it" in words
        file = account_file(platform, "paula")
        account = json.loads(file.read_text())
        assert account["broker"] == "away"
    wait_until(lambda: works(platform, account), 30, "the account is completed")
    wait_until(lambda: json.loads(file.read_text())["broker"] == "ready", 30, "the file says so")
