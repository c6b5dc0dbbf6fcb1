"""Code for which file permissions count, also in tests that run as root."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")
SOMEBODY_ELSE = 65534  # user id
_CAPABILITY_VERSION_3 = 0x20080522


def with_permissions(call: Callable[[], T]) -> T:
    """Return what `call` returns in a copy of this process that has no capabilities.

    Root reads and writes everything by its capabilities, whatever the permissions say.

    Raises:
        AssertionError: the call failed; the text is its traceback.
    """
    if os.getuid() != 0:
        return call()
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_call, args=(call, there))
    process.start()
    there.close()
    try:
        succeeded, said = here.recv()
    finally:
        process.join()
    assert succeeded, said
    return said


def _call(call: Callable[[], Any], answer: Connection) -> None:
    try:
        _drop_capabilities()
        answer.send((True, call()))
    except BaseException:
        answer.send((False, traceback.format_exc()))


def _drop_capabilities() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities stay")
