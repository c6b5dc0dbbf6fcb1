"""`make pin`: write the digest of each image behind its name, so that nobody can move the name.

A registry that does not answer is named, and its images stay as they are.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from supply.tools import ROOT, run

#: The line of an image that somebody else makes: before it, its name, its digest, behind it. The
#: chart's values name an image behind what it is for.
_LINE = re.compile(
    r"^(\s*(?:image|kafka|caddy|pause): |FROM )"
    r"((?!mosshub/)[a-z0-9][a-z0-9./-]*:[\w.-]+)(@sha256:[0-9a-f]{64})?(.*)$"
)


def files() -> list[Path]:
    """Return the files that name images."""
    built = (ROOT / "images").glob("*/Dockerfile")
    return sorted(
        [*(ROOT / "docker").glob("*.yaml"), *built, ROOT / "kubernetes/chart/values.yaml"]
    )


def digest_of(image: str) -> str:
    """Return the digest that a registry has for an image now.

    Raises:
        LookupError: it does not say; with the reason.
    """
    done = run(
        "docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"
    )
    digest = done.stdout.strip()
    if done.returncode or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        said = (done.stderr.strip() or digest or "it gave no reason").splitlines()[-1]
        raise LookupError(said.removeprefix("ERROR: "))
    return digest


def pinned(text: str, find: Callable[[str], str | None]) -> str:
    """Return a file's content with digests behind the names of images.

    Args:
        text: the content.
        find: returns an image's digest; None leaves the line as it is.
    """
    lines = []
    for line in text.splitlines(keepends=True):
        if found := _LINE.match(line.rstrip("\n")):
            before, image, _, behind = found.groups()
            if digest := find(image):
                line = f"{before}{image}@{digest}{behind}\n"
        lines.append(line)
    return "".join(lines)


def main() -> int:
    """Write the digests; return the exit status."""
    known: dict[str, str | None] = {}

    def find(image: str) -> str | None:
        if image not in known:
            try:
                known[image] = digest_of(image)
                print(f"{image}@{known[image]}", flush=True)
            except LookupError as error:
                known[image] = None
                print(f"{image} stays as it is: its registry was not reached ({error})", flush=True)
        return known[image]

    for path in files():
        before = path.read_text("utf-8")
        if (after := pinned(before, find)) != before:
            path.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
