"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file so that nobody, not even after a power cut, sees half of it.

    On any error the file that was there stays as it was.

    Args:
        path: the file; its directory is made if it is not there.
        content: what to write; text is encoded as UTF-8, its line ends as they are.
        mode: permissions of the file, whatever the umask. It never has more, not even for a moment.

    Raises:
        OSError: the directory cannot be written to, or the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
