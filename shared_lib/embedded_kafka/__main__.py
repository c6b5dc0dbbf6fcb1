"""`python -m embedded_kafka --data DIR`: the embedded broker as a program."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from embedded_kafka.embedded import DEFAULT_PORT, EmbeddedBroker
from embedded_kafka.errors import BrokerError
from embedded_kafka.jars import KAFKA_VERSION
from embedded_kafka.keep_running import keep_running, ready_line


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit status: 0 if it was told to stop, else 1."""
    options = _parser().parse_args(arguments)
    broker = EmbeddedBroker(
        options.data,
        options.port,
        heap_mb=options.heap,
        secret_file=options.secret_file,
        show=_show,
    )
    _handle_signals(broker)
    try:
        if options.prepare:
            broker.prepare()
            return 0
        if options.keep_running:
            keep_running(broker, _say)
        begin = time.monotonic()
        broker.start()
        _say(ready_line(broker, time.monotonic() - begin))
        broker.wait()
        _say(broker.failure_report())
    except BrokerError as error:
        _say(str(error))
    except KeyboardInterrupt:
        broker.stop()
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m embedded_kafka",
        description=f"Apache Kafka {KAFKA_VERSION} on 127.0.0.1, with nothing installed.",
    )
    parser.add_argument("--data", type=Path, required=True, help="directory of messages and log")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="for clients (%(default)s)")
    parser.add_argument("--heap", type=int, default=512, help="Java's heap in MiB (%(default)s)")
    parser.add_argument(
        "--secret-file",
        type=Path,
        help="file with a secret: only users with an account may connect",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--prepare", action="store_true", help="download and set up, check the port, then end"
    )
    how.add_argument(
        "--keep-running",
        action="store_true",
        help="start again, with growing pauses, when Kafka ends or cannot start",
    )
    return parser


def _handle_signals(broker: EmbeddedBroker) -> None:
    """Stop the broker in order at the first SIGINT or SIGTERM, and at once at a second one."""

    def at_once(number: int, frame: FrameType | None) -> None:
        if broker.pid is not None:
            os.kill(broker.pid, signal.SIGKILL)
        os._exit(128 + number)

    def in_order(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, at_once)
        signal.signal(signal.SIGTERM, at_once)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, in_order)
    signal.signal(signal.SIGTERM, in_order)


def _show(line: str) -> None:
    print(f"kafka: {line}", file=sys.stderr, flush=True)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
