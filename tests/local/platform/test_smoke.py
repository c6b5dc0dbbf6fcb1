"""`make smoke`: a platform that works passes, and a broken part is named in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mosshub_contract.ports import free_port

from tests.support.light_hub import LightHub
from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def token_of(person: LocalPerson) -> str:
    answer = person.api("POST", f"users/{person.name}/tokens", json={"note": "smoke"})
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]


def runs(person: LocalPerson) -> bool:
    """Return whether the person's editor runs, starts or stops."""
    server = person.api("GET", f"users/{person.name}").json()["servers"].get("", {})
    return bool(server.get("ready") or server.get("pending"))


def stop(person: LocalPerson) -> None:
    person.api("DELETE", f"users/{person.name}/server")
    wait_until(lambda: not runs(person), 60, "the editor stops")


def smoke(url: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "smoke", url],
        cwd=ROOT,
        env={**os.environ, "TOKEN": "", **environment},
        capture_output=True,
        text=True,
        timeout=400,
    )


def smoke_files(platform: RunningPlatform, name: str) -> list[Path]:
    return list((platform.data_dir / "users" / name).rglob("smoke-*.py"))


def test_a_platform_that_works_passes_and_stays_as_it_was(
    platform: RunningPlatform, tmp_path: Path
) -> None:
    person = LocalPerson(platform, "sam")
    token = tmp_path / "token"
    token.write_text(token_of(person) + "\n")
    person.start()  # the sign-in has begun it
    stop(person)
    done = smoke(platform.url, TOKEN_FILE=str(token))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" s\n") == 10
    assert done.stdout.endswith(" works.\n")
    assert smoke_files(platform, "sam") == []
    assert not list((platform.data_dir / "hub" / "apps").glob("sam/smoke-*"))
    wait_until(lambda: not runs(person), 60, "the editor that it had started stops")


def test_a_broker_that_is_away_is_named(platform: RunningPlatform) -> None:
    person = LocalPerson(platform, "tess")
    token = token_of(person)
    person.start()
    with platform.broker_away():
        done = smoke(platform.url, TOKEN=token)
    assert done.returncode == 1, done.stdout
    assert f"{platform.url} does not work. broker: NoBroker " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "a cell runs" in done.stdout, "what works is not blamed"
    assert smoke_files(platform, "tess") == []
    server = person.api("GET", "users/tess").json()["servers"][""]
    assert server["ready"], "it left the editor that ran before"


def test_an_editor_that_does_not_start_is_named(tmp_path: Path) -> None:
    with LightHub(tmp_path / "data", LIGHT_COMMAND="/bin/false") as hub:
        done = smoke(hub.url, TOKEN=token_of(LocalPerson(hub, "ada")))
    assert done.returncode == 1, done.stdout
    assert "does not work. spawner: the editor did not start: " in done.stderr
    assert "exit code 1" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_token_is_named(tmp_path: Path) -> None:
    with LightHub(tmp_path / "data") as hub:
        done = smoke(hub.url, TOKEN="0" * 32)
    assert done.returncode == 1
    assert "does not work. sign-in: the hub does not know this token" in done.stderr


def test_an_address_where_nobody_is_and_a_token_that_is_missing_are_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert f"address: {url} does not answer" in smoke(url, TOKEN="0" * 32).stderr
    assert "sign-in: set TOKEN or TOKEN_FILE" in smoke(url).stderr
    assert "sign-in: TOKEN_FILE=/none cannot be read" in smoke(url, TOKEN_FILE="/none").stderr
