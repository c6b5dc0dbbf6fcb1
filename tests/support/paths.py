"""Places of this repository that several tests need."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
NOTEBOOKS = ROOT / "notebooks"
ARTIFACTS = ROOT / "tests/.artifacts"
