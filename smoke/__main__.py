"""`make smoke URL=…`: the steps in their order, each with its seconds."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import requests

from smoke.apps import App
from smoke.cells import CALCULATE, STREAM
from smoke.editor import Editor
from smoke.errors import SmokeError
from smoke.platform import Platform, resolve_localhost


def run(platform: Platform, step: Callable[[str, Callable], object]) -> None:
    """Use an installation as a user does, and leave it as it was.

    Args:
        platform: the installation and the user.
        step: calls a function and says how long it took.

    Raises:
        SmokeError: something does not work.
    """
    step("the page to sign in opens", platform.open_sign_in)
    step("the token is known", platform.sign_in)
    editor: Editor | None = None
    app: App | None = None
    try:
        base = str(step("the editor starts", platform.start))
        editor = Editor(platform, base)
        step("the editor opens", editor.open)
        step("a notebook is saved", editor.create_notebook)
        step("a cell runs", lambda: _calculate(editor))
        step("a message goes through the broker", lambda: _stream(editor))
        app = App(platform, editor)
        step("an app is published", app.publish)
        step("the app opens", app.open)
        step("the app is ended", app.unpublish)
        app = None
    finally:
        with suppress(SmokeError, requests.RequestException):
            if app:
                app.unpublish()
        with suppress(SmokeError, requests.RequestException):
            if editor:
                editor.delete_notebook()
        with suppress(requests.RequestException):
            platform.stop()


def _calculate(editor: Editor) -> None:
    (printed,) = editor.run(CALCULATE)
    if printed != "42":
        raise SmokeError("kernel", f"6 * 7 is 42, and the cell printed {printed[:200]!r}")


def _stream(editor: Editor) -> None:
    (printed,) = editor.run(STREAM)
    if printed != "smoke":
        raise SmokeError("broker", printed[:500] or "the cell printed nothing")


def read_token() -> str:
    """Return the token from TOKEN or the file TOKEN_FILE; never from the command line.

    Raises:
        SmokeError: there is none.
    """
    if token := os.environ.get("TOKEN", "").strip():
        return token
    if path := os.environ.get("TOKEN_FILE", ""):
        with suppress(OSError):
            return Path(path).read_text("utf-8").strip()
        raise SmokeError("sign-in", f"TOKEN_FILE={path} cannot be read")
    raise SmokeError(
        "sign-in", "set TOKEN or TOKEN_FILE to a token of yours; make one at URL/hub/token"
    )


def main(arguments: list[str]) -> int:
    """Run all steps; print what failed in a sentence. Return the exit status."""
    parser = argparse.ArgumentParser(prog="make smoke", description="Does an installation work?")
    parser.add_argument("url", help="its address, such as https://moss.example.org")
    parser.add_argument("--ca", help="file of the authority that signed its certificate")
    options = parser.parse_args(arguments)

    def step(what: str, action: Callable[[], object]) -> object:
        began = time.monotonic()
        print(f"  {what:<36}", end="", flush=True)  # so that a wait has a name
        try:
            done = action()
        except BaseException:
            print(flush=True)
            raise
        print(f"{time.monotonic() - began:5.1f} s", flush=True)
        return done

    resolve_localhost()
    try:
        run(Platform(options.url, read_token(), options.ca), step)
    except SmokeError as error:
        print(f"{options.url} does not work. {error}", file=sys.stderr)
        return 1
    except OSError as error:  # those of requests are some, too
        print(f"{options.url} does not work. address: {error}", file=sys.stderr)
        return 1
    print(f"{options.url} works.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
