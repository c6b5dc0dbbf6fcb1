"""Whether a user's files take as much disk as they may, as the user's server tells its kernels."""

import errno
import os
from pathlib import Path

#: The environment variable that names a file, which is there as long as the limit is reached.
VARIABLE = "MOSSHUB_DISK_FULL"


def is_reached() -> bool:
    """Return whether the limit is reached; False where nobody measures."""
    file = os.environ.get(VARIABLE)
    return file is not None and Path(file).is_file()


def check(what: str) -> None:
    """Check that there is room for something large.

    Args:
        what: what is not done without it, as the beginning of a sentence.

    Raises:
        OSError: EDQUOT, the limit is reached.
    """
    if is_reached():
        raise OSError(
            errno.EDQUOT,
            f"{what}: your files take as much disk as they may. Delete what you no longer need,"
            " then try again",
        )
