"""Docker's command line, as far as stand-ins and their tests need it."""

import contextlib
import subprocess
from pathlib import Path


def docker(*arguments: str | Path, timeout: float = 60) -> str:
    """Run `docker ARGUMENTS` and return its standard output, stripped.

    Raises RuntimeError with the end of its error output when it fails, and
    subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = ["docker", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise RuntimeError(f"`{' '.join(command[:4])} …` ended with {done.returncode}:\n{said}")
    return done.stdout.strip()


def image_label(tag: str, label: str) -> str | None:
    """Value of an image's label, "" if it has none, None if there is no such image here."""
    try:
        return docker(
            "image", "inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}', tag
        )
    except RuntimeError:
        return None


def image_id(tag: str) -> str | None:
    """Id of the image that has the tag now, None if there is none here."""
    with contextlib.suppress(RuntimeError):
        return docker("image", "inspect", "--format", "{{.Id}}", tag)
    return None


def remove_if_unused(image: str) -> None:
    """Remove an image that lost its tag, unless a container or another image still needs it."""
    with contextlib.suppress(RuntimeError):
        docker("image", "rm", image)
