"""The platform's notebooks in the user's directory: which of them were edited, and the way back.

Nothing is deleted: an edited notebook gets another name when the original takes its place.
"""

from __future__ import annotations

import filecmp
import glob
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mosshub_contract.files import write_atomically


class State(Enum):
    """What became of the user's copy of a template."""

    ORIGINAL = "original"
    EDITED = "edited"
    MISSING = "missing"


@dataclass(frozen=True)
class Template:
    """A notebook of the platform.

    Attributes:
        path: its path below the templates and below the user's notebooks, with slashes.
        state: what became of the user's copy.
        new_version: path of the platform's newer version beside an edited copy; None if there is
            none.
    """

    path: str
    state: State
    new_version: str | None = None


class NotRestored(Exception):
    """The original could not be brought back; the message says why, and what to do."""


def list_templates(templates: Path | None, notebooks: Path) -> list[Template]:
    """Return the platform's notebooks in alphabetical order.

    Args:
        templates: directory of the templates; None if there are none.
        notebooks: directory of the user's notebooks.
    """
    if templates is None:
        return []
    names = sorted(path.name for path in templates.glob("*.py") if path.is_file())
    return [_compare(templates / name, notebooks / name) for name in names]


def restore(templates: Path | None, notebooks: Path, path: str) -> str | None:
    """Bring the original of a notebook back; an edited copy gets another name beside it.

    Args:
        templates: directory of the templates.
        notebooks: directory of the user's notebooks.
        path: path of the notebook, as `list_templates` gives it.

    Returns:
        The edited copy's new name; None if there was no edited copy.

    Raises:
        NotRestored: it is no notebook of the platform, or the disk does not accept it.
    """
    found = {t.path: t for t in list_templates(templates, notebooks)}.get(path)
    if found is None or templates is None:
        raise NotRestored("The platform has no notebook of this name")
    own, kept = notebooks / path, None
    if found.state is State.ORIGINAL:
        return None
    try:
        original = (templates / path).read_bytes()
        if found.state is State.EDITED:
            kept = _free_name(own)
            own.rename(kept)
        try:
            write_atomically(own, original)
        except OSError:
            if kept is not None:
                kept.rename(own)
            raise
    except OSError as e:
        raise NotRestored(
            f"{path} could not be restored ({e.strerror}). Your version is as it was"
        ) from e
    return kept.name if kept else None


def _compare(template: Path, own: Path) -> Template:
    if not os.path.lexists(own):
        return Template(template.name, State.MISSING)
    if _same(template, own):
        return Template(template.name, State.ORIGINAL)
    pattern = f"{glob.escape(own.stem)}.new*{glob.escape(own.suffix)}"
    newer = sorted(path.name for path in own.parent.glob(pattern) if _same(template, path))
    return Template(template.name, State.EDITED, newer[-1] if newer else None)


def _same(template: Path, other: Path) -> bool:
    """Return whether two files have one content; a file that cannot be read is another."""
    try:
        # A pipe would never end, and a large file has another size.
        return other.is_file() and filecmp.cmp(template, other, shallow=False)
    except OSError:
        return False


def _free_name(own: Path) -> Path:
    number = 1
    while True:
        mark = "mine" if number == 1 else f"mine{number}"
        name = own.with_name(f"{own.stem}.{mark}{own.suffix}")
        if not os.path.lexists(name):
            return name
        number += 1
