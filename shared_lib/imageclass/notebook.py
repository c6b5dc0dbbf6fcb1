"""What lets a notebook run anywhere: with nobody at its buttons, and with no broker set."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from imageclass.kafka.connection import Connection, NoBroker, connect

if TYPE_CHECKING:
    from embedded_kafka import EmbeddedBroker

#: Set to anything, a notebook runs through with small numbers; for exports with their outputs.
HEADLESS_VARIABLE = "IMAGECLASS_UNATTENDED"

_started: EmbeddedBroker | None = None
_one_at_a_time = threading.Lock()


def is_headless(mode: str | None) -> bool:
    """Whether nobody is there to press a notebook's buttons: it is a script, is exported, or runs
    in Jupyter. `mode`: what `mo.app_meta().mode` says, "edit" or "run" where marimo shows it."""
    return mode not in ("edit", "run") or bool(os.environ.get(HEADLESS_VARIABLE))


def connect_or_start(
    *, timeout: float = 60.0, on_wait: Callable[[str], object] = print
) -> Connection:
    """`connection.connect`, and where no broker is set one of this process's own: Apache Kafka on
    127.0.0.1, which ends with the process, and its messages with it.

    Raises `NoBroker` if the broker that is set does not answer, or none can be started here; the
    text says why and what to do.
    """
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return connect(timeout=timeout, on_wait=on_wait)
    return connect(_own_broker(on_wait), timeout=timeout, on_wait=on_wait)


def _own_broker(on_wait: Callable[[str], object]) -> str:
    """The address of this process's own broker, which is started if it does not run."""
    global _started
    from embedded_kafka import BrokerError, EmbeddedBroker

    with _one_at_a_time:
        if _started is None:
            on_wait("No broker is set: starting one here (the first time it is fetched, 45 MB) …")
            directory = tempfile.mkdtemp(prefix="imageclass-kafka-")
            atexit.register(shutil.rmtree, directory, ignore_errors=True)
            _started = EmbeddedBroker(directory, port=0)
        try:
            return _started.start().bootstrap_servers
        except ImportError as error:
            raise NoBroker(
                f"No broker is set, and none can be started here ({error}). Install"
                " imageclass[broker], or set KAFKA_BOOTSTRAP_SERVERS to a broker's address."
            ) from error
        except BrokerError as error:
            raise NoBroker(
                f"No broker is set, and none could be started here: {error} Or set"
                " KAFKA_BOOTSTRAP_SERVERS to a broker's address."
            ) from error
