"""The command `mosshub` of a user's terminal: publish a notebook as an app, list and end apps."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from mosshub_contract.apps import SOCKET_VARIABLE, slug_of

_TIMEOUT_S = 180


class _Connection(http.client.HTTPConnection):
    """A connection to the socket of the user's editor."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(self._path)


class Refused(Exception):
    """It was not done; the message says why."""


def ask(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Ask the user's editor, which asks the hub.

    Raises:
        Refused: it was not done.
    """
    place = os.environ.get(SOCKET_VARIABLE, "")
    if not place:
        raise Refused("This is no terminal of an editor: open one in marimo.")
    connection = _Connection(place)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Refused(f"The editor does not answer ({error}).") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise Refused(found.get("message", "It was not done."))
    return found


def _publish(options: argparse.Namespace) -> None:
    notebook = Path(options.notebook).resolve()
    title = options.title or notebook.stem.replace("_", " ")
    app = ask(
        "POST",
        "/apps",
        {
            "slug": slug_of(options.name or title),
            "title": title,
            "notebook": str(notebook),
            "audience": options.to,
            "topics": options.topic,
            "tells_viewer": options.tell_name,
            "is_following": options.follow,
            "files": options.file,
        },
    )
    print(f"{app['title']} is published, for {', '.join(app['audience'])}:\n{app['url']}")


def _list(_: argparse.Namespace) -> None:
    for app in ask("GET", "/apps")["apps"]:
        print(f"{app['slug']:26}  {', '.join(app['audience'])}  {app['url']}")


def _unpublish(options: argparse.Namespace) -> None:
    ask("DELETE", f"/apps/{slug_of(options.name)}")
    print(f"{options.name} is unpublished.")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="mosshub", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    publish = commands.add_parser("publish", help="publish a notebook as an app")
    publish.set_defaults(run=_publish)
    publish.add_argument("notebook", help="the notebook's file")
    publish.add_argument(
        "--to",
        action="append",
        required=True,
        metavar="WHO",
        help="a user's name, group:<name> or everybody; again for more",
    )
    publish.add_argument("--title", default="", help="the app's name for people")
    publish.add_argument("--name", default="", help="the app's name in its address")
    publish.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        help="a file beside the notebook that it needs and does not name; again for more",
    )
    publish.add_argument(
        "--topic",
        action="append",
        default=[],
        help="a topic that the app may read, or the beginning of topics with * at its end",
    )
    publish.add_argument("--follow", action="store_true", help="publish again after each save")
    publish.add_argument(
        "--tell-name", action="store_true", help="tell the app's code who looks at it"
    )
    commands.add_parser("apps", help="list your apps").set_defaults(run=_list)
    unpublish = commands.add_parser("unpublish", help="end an app")
    unpublish.set_defaults(run=_unpublish)
    unpublish.add_argument("name", help="the app's name in its address")
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except Refused as error:
        print(f"mosshub: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
