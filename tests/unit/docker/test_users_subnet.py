"""Addresses of users' servers: a setting, those of the network that is there, or the default."""

from __future__ import annotations

import os
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tests.support.paths import ROOT

#: Those of Docker's engine, from which it gives networks their addresses.
POOLS = [IPv4Network(f"172.{number}.0.0/16") for number in range(17, 32)]
POOLS.append(IPv4Network("192.168.0.0/16"))
DOCKER = """#!/bin/sh
[ "$1 $2" = "network inspect" ] || exit 1
[ "$3" = old-users ] || { echo; echo "no such network" >&2; exit 1; }
echo 172.29.240.0/20
"""


def subnet(directory: Path, **settings: str) -> str:
    """Return what the scripts take, with an engine that has the network `old-users`."""
    (directory / "docker").write_text(DOCKER)
    (directory / "docker").chmod(0o755)
    environment = {"PATH": f"{directory}:{os.environ['PATH']}", "SETTINGS": "/dev/null", **settings}
    script = ". ./lib.sh; load; printf %s $USERS_SUBNET"
    done = subprocess.run(
        ["sh", "-c", script, str(ROOT / "docker/up")],
        cwd=ROOT / "docker",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"INSTANCE": "old"}, "172.29.240.0/20"),
        ({"INSTANCE": "old", "USERS_SUBNET": "10.1.0.0/20"}, "10.1.0.0/20"),
    ],
)
def test_a_network_that_is_there_keeps_its_addresses(
    tmp_path: Path, settings: dict[str, str], expected: str
) -> None:
    assert subnet(tmp_path, **settings) == expected


def test_a_new_one_takes_none_that_the_engine_gives_to_others(tmp_path: Path) -> None:
    chosen = IPv4Network(subnet(tmp_path, INSTANCE="new"))
    assert chosen.is_private
    assert not any(chosen.overlaps(pool) for pool in POOLS)
    assert f"${{USERS_SUBNET:-{chosen}}}" in (ROOT / "docker/compose.yaml").read_text()
