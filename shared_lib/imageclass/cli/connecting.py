"""The broker and the topics that a command means."""

import argparse

from imageclass.cli import output
from imageclass.kafka.connection import Connection, connect


def connected(arguments: argparse.Namespace, timeout: float = 10.0) -> Connection:
    """The connection that --broker, --prefix and the environment name. Raises `NoBroker` after
    `timeout` seconds."""
    with output.line() as show:
        return connect(arguments.broker, arguments.prefix, timeout=timeout, on_wait=show)


def topic_name(connection: Connection, topic: str) -> str:
    """The topic as the broker knows it: `predictions` is one's own."""
    own = connection.topics.prefix + topic
    return own if own in connection.topics.all else topic
