"""The command line of `imageclass`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

_EPILOG = """\
Every command takes --json, --broker HOST:PORT and --prefix; --help explains it.
A user's server has broker and prefix in its environment. Progress goes to standard error.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line into attributes, `command` among them; exit with 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="imageclass",
        description="Classify images with agents on Kafka, and judge their predictions.",
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
        ("send", _send, "send the PNG and JPEG files of a folder to the agents"),
        ("agent", _agent, "answer requests with a model, until Ctrl-C or SIGTERM"),
        ("judge", _judge, "show the predictions for a run, and how many are correct"),
        ("tail", _tail, "show the newest messages of a topic, and those that arrive"),
        ("models", None, "list the trained versions on this machine"),
    ):
        command = commands.add_parser(name, parents=[common], help=text, description=f"{text}.")
        if add_arguments:
            add_arguments(command)
    parsed = parser.parse_args(arguments)
    if parsed.command == "judge" and (parsed.run is None) == (parsed.dataset is None):
        commands.choices["judge"].error("name either a RUN or a --dataset to send images of")
    return parsed


def _send(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "folder", type=Path, metavar="FOLDER", help="searched with all folders in it"
    )
    command.add_argument(
        "--dataset", default="", help="only agents of this data set answer (default: all agents)"
    )
    command.add_argument(
        "--labels-from-folders",
        action="store_true",
        help="the folders in FOLDER have the names of classes; the labels stay here, for judge",
    )
    command.add_argument(
        "--deadline", type=_seconds, metavar="SECONDS", help="agents answer no later than that"
    )
    command.add_argument(
        "--wait", action="store_true", help="wait for the predictions, and show them"
    )
    _patience(command, 60)


def _agent(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", metavar="MODEL", help="a version's name or id (see models), or a .keras file"
    )
    command.add_argument("--dataset", help="the data set of the version, or of the file's model")
    command.add_argument("--name", help="name of the agent (default: the model's)")
    command.add_argument("--topic", help="the topic of requests (default: requests)")
    command.add_argument(
        "--batch-size", type=_positive, default=256, metavar="N", help="requests (default: 256)"
    )
    command.add_argument(
        *("--max-wait",), type=_wait, default=0.02, metavar="SECONDS",
        help="longest wait of a batch's first request for more (default: 0.02)",
    )  # fmt: skip


def _judge(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "run",
        nargs="?",
        metavar="RUN",
        help="the id that send or a notebook shows, or its beginning",
    )
    command.add_argument(
        "--dataset", help="instead of RUN: send test images of this data set, and judge them"
    )
    command.add_argument(
        "--images", type=_positive, default=500, metavar="N", help="how many (default: 500)"
    )
    command.add_argument("--seed", type=int, help="of the random choice of images")
    command.add_argument(
        *("--agents",), type=_names, metavar="A,B",
        help="agents that count (default: all that have answered or are at work)",
    )  # fmt: skip
    command.add_argument(
        "--csv", type=Path, metavar="FILE", help="write every prediction to this file too"
    )
    _patience(command, 10)


def _tail(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "topic", metavar="TOPIC", help="its name; without prefix one of your own, e.g. predictions"
    )
    command.add_argument(
        "--last", type=_count, default=10, metavar="N", help="start with the last N (default: 10)"
    )
    command.add_argument(
        *("--follow",), action=argparse.BooleanOptionalAction, default=True,
        help="continue with messages that arrive, until Ctrl-C (the default)",
    )  # fmt: skip


def _patience(command: argparse.ArgumentParser, default: int) -> None:
    command.add_argument(
        *("--patience",), type=_seconds, default=float(default), metavar="SECONDS",
        help=f"how long to wait without a new prediction (default: {default})",
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
