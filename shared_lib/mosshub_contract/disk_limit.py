"""Whether files take as much disk as they may, as the user's server tells its kernels.

The user's own files have a limit, and so has the team's folder.
"""

import errno
import os
from pathlib import Path

#: The environment variable that names a file, which is there as long as the limit is reached.
VARIABLE = "MOSSHUB_DISK_FULL"
#: The same for the limit of the team's folder.
TEAM_VARIABLE = "MOSSHUB_TEAM_FULL"


def is_reached() -> bool:
    """Return whether the user's limit is reached; False where nobody measures."""
    return _is_there(VARIABLE)


def is_team_reached() -> bool:
    """Return whether the limit of the team's folder is reached; False where nobody measures."""
    return _is_there(TEAM_VARIABLE)


def check(what: str) -> None:
    """Check that there is room for something large.

    Args:
        what: what is not done without it, as the beginning of a sentence.

    Raises:
        OSError: EDQUOT, the limit is reached.
    """
    _check(
        VARIABLE,
        f"{what}: your files take as much disk as they may. Delete what you no longer need,"
        " then try again",
    )


def check_team(what: str) -> None:
    """Check that there is room for something large in the team's folder.

    Args:
        what: what is not done without it, as the beginning of a sentence.

    Raises:
        OSError: EDQUOT, the limit is reached.
    """
    _check(
        TEAM_VARIABLE,
        f"{what}: the team's folder takes as much disk as it may. Delete what nobody needs any"
        " more there, then try again",
    )


def _check(variable: str, sentence: str) -> None:
    if _is_there(variable):
        raise OSError(errno.EDQUOT, sentence)


def _is_there(variable: str) -> bool:
    file = os.environ.get(variable)
    return file is not None and Path(file).is_file()
