"""Starts that fail say why in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.singleuser import HUB_ENV


def _start_alone(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marimo_singleuser"],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_started_without_a_hub_it_says_so(tmp_path: Path) -> None:
    done = _start_alone(HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "JUPYTERHUB_API_TOKEN" in done.stderr


def test_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _start_alone(**HUB_ENV, HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "cannot be written" in done.stderr
