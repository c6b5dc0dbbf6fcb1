"""The team's folder, as hub and users' servers name it: one part for everybody, one for each group.

A server tells the hub at `API_PATH`, with its own token, which of the team's notebooks it saved and
which are open in it. The answer says the same of all servers. Paths begin with the name of a part,
such as `lab/train.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

#: Path of the hub's route, below the hub's API.
API_PATH = "/mosshub/team-folder"
#: The directory with the parts, in the environment of servers and kernels.
DIRECTORY_VARIABLE = "MOSSHUB_TEAM"
#: The parts, as `parts_to_json` writes them.
PARTS_VARIABLE = "MOSSHUB_TEAM_PARTS"
#: A directory that everybody reads and nobody writes.
DATA_VARIABLE = "MOSSHUB_SHARED_DATA"
#: The part in which everybody writes.
EVERYBODY = "everybody"
#: How many notebooks a server names at most, of each kind.
MOST_NAMED = 50
_MAX_PATH_CHARS = 300


@dataclass(frozen=True)
class Part:
    """A part of the team's folder.

    Attributes:
        name: name of its directory.
        title: whose it is: `everybody`, or a group as the hub names it.
        writable: whether the user may write there.
    """

    name: str
    title: str
    writable: bool


@dataclass(frozen=True)
class Told:
    """What a server tells the hub.

    Attributes:
        saved: when each notebook was saved, in seconds since 1970, by its path.
        opened: paths of the notebooks that are open.
    """

    saved: dict[str, float] = field(default_factory=dict)
    opened: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What the hub answers.

    Attributes:
        saved: who saved a notebook last, and when, in seconds since 1970, by its path.
        opened: in whose editors a notebook is open, without the one that asks, by its path.
    """

    saved: dict[str, tuple[str, float]] = field(default_factory=dict)
    opened: dict[str, tuple[str, ...]] = field(default_factory=dict)


def parts_to_json(parts: Iterable[Part]) -> str:
    """Return parts as the value of a variable."""
    return json.dumps([asdict(part) for part in parts])


def parts_from_json(text: str) -> tuple[Part, ...]:
    """Return the parts in a variable; none in an empty one.

    Raises:
        ValueError: it holds something else.
    """
    try:
        found = json.loads(text) if text else []
        return tuple(
            Part(str(one["name"]), str(one["title"]), one["writable"] is True) for one in found
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not parts of the team's folder: {error!r}") from None


def is_path(path: str) -> bool:
    """Return whether this names something in a part, and nothing elsewhere."""
    pure = PurePosixPath(path)
    return (
        len(pure.parts) > 1
        and len(path) <= _MAX_PATH_CHARS
        and not pure.is_absolute()
        and ".." not in pure.parts
        and str(pure) == path
        and path.isprintable()
    )


def told_to_json(told: Told) -> str:
    """Return what a server tells as the body of a request."""
    return json.dumps(asdict(told))


def told_from_json(text: str | bytes) -> Told:
    """Return what a server tells; what is no path of a part is left out.

    Raises:
        ValueError: it is not JSON, or something else.
    """
    found = _loaded(text)
    try:
        saved = {str(path): float(at) for path, at in found["saved"].items() if is_path(path)}
        opened = [str(path) for path in found["opened"] if is_path(path)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not about the team's folder: {error!r}") from None
    return Told(dict(list(saved.items())[:MOST_NAMED]), tuple(opened[:MOST_NAMED]))


def known_to_json(known: Known) -> str:
    """Return what the hub knows as its answer."""
    return json.dumps(asdict(known))


def known_from_json(text: str | bytes) -> Known:
    """Return what the hub knows.

    Raises:
        ValueError: it is not JSON, or something else.
    """
    found = _loaded(text)
    try:
        return Known(
            {str(path): (str(by), float(at)) for path, (by, at) in found["saved"].items()},
            {str(path): tuple(map(str, names)) for path, names in found["opened"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not about the team's folder: {error!r}") from None


def _loaded(text: str | bytes) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
