"""Who is compared: images, where their lists are, and which hub they run under."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RIVALS = ROOT / "bench" / "rivals"
#: The notebook that is opened; its output is this heading.
NOTEBOOK, OUTPUT = "first_output.py", "The first output"
#: A notebook that everybody's list shows.
LISTED = "image_class.py"


@dataclass(frozen=True)
class Subject:
    """One of those who are compared.

    Attributes:
        key: its name in `catalogue.SUBJECTS`; its users' names begin with it.
        image: the Docker image of its servers.
        home: the home directory in it, a volume for each user.
        hub: `plain` for JupyterHub as it comes, `mosshub` for Mosshub's.
        list_path: where the list is, below the server's address.
        listed_at: where the image lists notebooks from, for one more; empty if it has it already.
    """

    key: str
    image: str
    home: str
    hub: str = "plain"
    list_path: str = ""
    listed_at: str = ""

    def mounts(self, volume: str) -> dict[str, str | dict[str, str]]:
        """Return what is mounted in a server, as DockerSpawner takes it.

        Args:
            volume: the volume with the user's files.
        """
        mounts: dict[str, str | dict[str, str]] = {volume: self.home}
        if self.listed_at:
            target = f"{self.listed_at}/{NOTEBOOK}"
            mounts[str(RIVALS / NOTEBOOK)] = {"bind": target, "mode": "ro"}
        return mounts


_RIVAL_HOME = "/home/rival"
_OURS = {
    "image": "mosshub/user:cpu",
    "home": "/home/mosshub",
    "listed_at": "/srv/mosshub/notebooks",
}
SUBJECTS = {
    subject.key: subject
    for subject in (
        Subject("extension", "mosshub/bench-extension:local", _RIVAL_HOME, list_path="marimo/"),
        Subject("proxy", "mosshub/bench-proxy:local", _RIVAL_HOME),
        Subject("marimo", "mosshub/bench-marimo:local", _RIVAL_HOME),
        Subject("server", **_OURS),
        Subject("mosshub", hub="mosshub", **_OURS),
    )
}


def subject_of(user: str) -> Subject:
    """Return who a user of the bench belongs to: `proxy` for `proxy-7`."""
    return SUBJECTS[user.partition("-")[0]]


def build_images() -> None:
    """Build the images of the rivals and of Mosshub's users, on the same base."""
    from tests.standins import ensure

    ensure("debian:trixie-slim")
    targets = {s.image: s.key for s in SUBJECTS.values() if not s.listed_at}
    for image, target in targets.items():
        _build(RIVALS / "Dockerfile", target, image)
    _build(ROOT / "images" / "user" / "Dockerfile", "cpu", _OURS["image"])


def _build(dockerfile: Path, target: str, image: str) -> None:
    print(f"building {image} …", flush=True)
    options = [f"--file={dockerfile}", f"--target={target}", f"--tag={image}", "--quiet"]
    subprocess.run(
        ["docker", "build", *options, "."],
        cwd=ROOT,
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
