"""`make configure` with answers on standard input."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.support.paths import ROOT

DOCKER = ROOT / "docker"


class Dialogue:
    """A settings file and what is asked about it."""

    def __init__(self, directory: Path) -> None:
        self.settings, self.secrets = directory / "settings", directory / "secrets"

    def configure(self, *answers: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [DOCKER / "configure"],
            input="".join(f"{answer}\n" for answer in answers),
            env={
                "PATH": os.environ["PATH"],
                "SETTINGS": str(self.settings),
                "SECRETS": str(self.secrets),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    def value(self, name: str) -> list[str]:
        return re.findall(rf"(?m)^{name}=(.*)$", self.settings.read_text())
