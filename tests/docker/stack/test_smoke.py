"""`make smoke` against containers: the editor that runs is used, and left as it was."""

import os
import subprocess
import sys

from tests.support.members import TeamMember
from tests.support.paths import ROOT
from tests.support.stack import Stack


def test_a_team_platform_passes(stack: Stack, ada: TeamMember) -> None:
    token = ada.api("POST", "users/ada/tokens", json={"note": "smoke"}).json()["token"]
    done = subprocess.run(
        [sys.executable, "-m", "smoke", stack.url],
        cwd=ROOT,
        env={**os.environ, "TOKEN": token},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a message goes through the broker" in done.stdout
    assert ada.api("GET", "users/ada").json()["servers"][""]["ready"]
    assert "smoke-" not in ada.inside("ls", "/home/mosshub", "/home/mosshub/notebooks")
