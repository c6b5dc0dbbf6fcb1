"""Known weaknesses of what the images have of Debian, as Grype knows them."""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from supply.accepted import Finding, one_line
from supply.sbom import IMAGES, debian_packages, document
from supply.tools import run

GRYPE = "anchore/grype:v0.121.2"
#: The data base alone has more than a hundred MB.
_TIMEOUT_S = 1800


def scan(image: str) -> tuple[list[Finding], str]:
    """Ask Grype about the packages of Debian in an image.

    What Debian has not mended is left out: no other image could be better.

    Args:
        image: its name on this machine.

    Returns:
        What Grype knows, and why it said nothing; empty if it answered.
    """
    components = debian_packages(image)
    if not components:
        return [], "this machine does not have the image"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # Grype's container has another user
        (Path(folder) / "image.json").write_text(json.dumps(document(image, components)))
        done = run(*_grype(Path(folder)), "--only-fixed", "--output=json", timeout_s=_TIMEOUT_S)
    try:
        return read_grype(json.loads(done.stdout)), ""
    except ValueError:
        return [], reason_of(done.stderr)


def _grype(folder: Path) -> tuple[str, ...]:
    """Return the command for the list in a folder: this machine's Grype, or its own image."""
    if own := shutil.which("grype"):
        return own, f"sbom:{folder}/image.json"
    mount = f"--volume={folder}:/image:ro"
    return "docker", "run", "--rm", mount, GRYPE, "sbom:/image/image.json"


def reason_of(said: str) -> str:
    """Return the last line in which Grype, or Docker, says why it did not scan."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("See ", "Run "))]
    return one_line(told[-1] if told else "it gave no reason", 300)


def read_grype(report: dict[str, Any]) -> list[Finding]:
    """Return the findings of a report, each once."""
    found = {
        Finding(
            match["vulnerability"]["id"],
            f"{match['artifact']['name']} {match['artifact']['version']}",
            one_line(
                f"{match['vulnerability'].get('severity', '')}, mended in "
                f"{', '.join(match['vulnerability'].get('fix', {}).get('versions') or ['?'])}"
            ),
        )
        for match in report["matches"]
    }
    return sorted(found)


def scan_all() -> list[tuple[str, tuple[list[Finding], str]]]:
    """Return for each image what `scan` says."""
    return [(f"{image}, grype", scan(image)) for image in IMAGES]
