"""What can be written behind `imageclass`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

_EPILOG = """\
Every command takes --json, --broker HOST:PORT and --prefix, and explains itself with --help.
A user's server has broker and prefix in its environment. Progress goes to standard error.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments as attributes, `command` among them; exits with 2 if they are wrong."""
    parser = argparse.ArgumentParser(
        prog="imageclass",
        description="Images through agents on Kafka, and what they make of them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    about = common.add_argument_group("for every command")
    about.add_argument("--json", action="store_true", help="JSON on standard output, nothing else")
    about.add_argument(
        "--broker", metavar="HOST:PORT", help="the broker (default: KAFKA_BOOTSTRAP_SERVERS)"
    )
    about.add_argument(
        "--prefix", help="of topics and groups (default: MOSSHUB_TOPIC_PREFIX, else team.)"
    )
    for name, add_arguments, text in (
        ("send", _send, "send a folder's PNG and JPEG files to the agents"),
        ("agent", _agent, "answer requests with a model, until Ctrl-C or SIGTERM"),
        ("judge", _judge, "what the agents said to a run, and how right they were"),
        ("tail", _tail, "the newest messages of a topic, and those that come"),
        ("models", None, "the trained versions on this machine"),
    ):
        command = commands.add_parser(name, parents=[common], help=text, description=f"{text}.")
        if add_arguments:
            add_arguments(command)
    parsed = parser.parse_args(arguments)
    if parsed.command == "judge" and (parsed.run is None) == (parsed.dataset is None):
        commands.choices["judge"].error("name either a RUN or a --dataset to send images of")
    return parsed


def _send(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER", help="searched to its depths")
    command.add_argument(
        "--dataset", default="", help="only agents of this data set answer (default: all do)"
    )
    command.add_argument(
        "--labels-from-folders",
        action="store_true",
        help="the folders in FOLDER are named after classes; the labels stay here, for the judge",
    )
    command.add_argument(
        "--deadline", type=_seconds, metavar="SECONDS", help="answers are of no use later than that"
    )
    command.add_argument("--wait", action="store_true", help="for the answers, and show them")
    _patience(command, 60)


def _agent(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", metavar="MODEL", help="a version's name or id (see models), or a .keras file"
    )
    command.add_argument("--dataset", help="which one's version; of a file, what it is for")
    command.add_argument("--name", help="of the agent (default: the model's)")
    command.add_argument("--topic", help="whose requests to answer (default: requests)")
    command.add_argument(
        "--batch-size", type=_positive, default=256, metavar="N", help="requests (default: 256)"
    )
    command.add_argument(
        *("--max-wait",), type=_wait, default=0.02, metavar="SECONDS",
        help="from a batch's first request until it is closed (default: 0.02)",
    )  # fmt: skip


def _judge(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "run",
        nargs="?",
        metavar="RUN",
        help="the id that send or a notebook shows, or its beginning",
    )
    command.add_argument(
        "--dataset", help="instead of RUN: send test images of this one, and judge"
    )
    command.add_argument(
        "--images", type=_positive, default=500, metavar="N", help="how many (default: 500)"
    )
    command.add_argument("--seed", type=int, help="of the draw of the images")
    command.add_argument(
        *("--agents",), type=_names, metavar="A,B",
        help="whose answers count (default: all who have answered or are at work)",
    )  # fmt: skip
    command.add_argument("--csv", type=Path, metavar="FILE", help="write every answer there too")
    _patience(command, 10)


def _tail(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "topic", metavar="TOPIC", help="its name; without prefix one of your own, e.g. predictions"
    )
    command.add_argument(
        "--last", type=_count, default=10, metavar="N", help="begin with the last N (default: 10)"
    )
    command.add_argument(
        *("--follow",), action=argparse.BooleanOptionalAction, default=True,
        help="go on with what comes, until Ctrl-C (the default)",
    )  # fmt: skip


def _patience(command: argparse.ArgumentParser, default: int) -> None:
    command.add_argument(
        *("--patience",), type=_seconds, default=float(default), metavar="SECONDS",
        help=f"how long to wait without a new answer (default: {default})",
    )  # fmt: skip


def _number(
    kind: Callable[[str], float], fits: Callable[[float], bool], expected: str
) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            if fits(number := kind(text)):
                return number
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"{expected}, not {text!r}")

    return convert


_positive = _number(int, lambda number: number >= 1, "expected a whole number from 1 on")
_count = _number(int, lambda number: number >= 0, "expected a whole number from 0 on")
_seconds = _number(float, lambda number: 0 < number < 1e7, "expected seconds, more than 0")
_wait = _number(float, lambda number: 0 <= number <= 10, "expected 0 to 10 seconds")


def _names(text: str) -> list[str]:
    if names := [name.strip() for name in text.split(",") if name.strip()]:
        return names
    raise argparse.ArgumentTypeError("expected names with commas between")
