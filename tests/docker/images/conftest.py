"""The images of hub and users, built for all tests of this folder that ask for it."""

import subprocess

import pytest

from tests.standins import ensure
from tests.support.paths import ROOT
from tests.support.setup import needed


@pytest.fixture(scope="session")
def built() -> None:
    """Both images, built as a person builds them; from the engine's cache if nothing changed."""
    with needed("the images do not build"):
        ensure("debian:trixie-slim")
        make = subprocess.run(
            ["make", "images"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1700,
        )
        assert make.returncode == 0, make.stdout[-6000:]
