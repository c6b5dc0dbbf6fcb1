"""Connect a command to its broker, and complete the names of topics."""

import argparse

from imageclass.cli import output
from imageclass.kafka.connection import Connection, connect


def connected(arguments: argparse.Namespace, timeout: float = 10.0) -> Connection:
    """Connect to the broker that --broker, --prefix and the environment name.

    Args:
        arguments: the parsed command line.
        timeout: how long to wait for the broker, in seconds.

    Raises:
        NoBroker: the broker did not answer in time.
    """
    with output.line() as show:
        return connect(arguments.broker, arguments.prefix, timeout=timeout, on_wait=show)


def topic_name(connection: Connection, topic: str) -> str:
    """Return the full name of a topic: `predictions` is the person's own."""
    own = connection.topics.prefix + topic
    return own if own in connection.topics.all else topic
