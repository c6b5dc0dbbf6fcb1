"""Code for which file permissions count, also in tests that run as root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
SOMEBODY_ELSE = 65534  # user id
_CAPABILITY_VERSION_3 = 0x20080522


def with_permissions(call: Callable[[], T]) -> T:
    """Return what `call` returns in a thread that has no capabilities.

    Root reads and writes everything by its capabilities, whatever the permissions say. Linux keeps
    them for each thread, so that no copy of this process is needed.
    """
    if os.getuid() != 0:
        return call()
    with ThreadPoolExecutor(1, initializer=_drop_capabilities) as thread:
        return thread.submit(call).result()


def _drop_capabilities() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities stay")
