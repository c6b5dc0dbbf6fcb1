"""`imageclass tail`: show the newest messages of a topic, and those that arrive."""

import argparse

from imageclass.cli import output
from imageclass.cli.connecting import connected, topic_name
from imageclass.kafka import inspect


def run(arguments: argparse.Namespace) -> None:
    """Show the messages, a line each, the oldest first."""
    connection = connected(arguments)
    topic = topic_name(connection, arguments.topic)
    timeout = None if arguments.follow else 0.0
    for message in inspect.tail(connection, topic, last=arguments.last, timeout=timeout):
        if arguments.json:
            output.document(_about(message), indent=None)
        else:
            when = message.time.astimezone().isoformat(" ", "milliseconds")
            output.result(f"{when}  {message.partition}/{message.offset}  {message.summary}")


def _about(message: inspect.Message) -> dict:
    return {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "time": message.time.isoformat(),
        "key": None if message.key is None else message.key.decode(errors="replace"),
        "headers": message.headers,
        "bytes": None if message.value is None else len(message.value),
        "summary": message.summary,
    }
