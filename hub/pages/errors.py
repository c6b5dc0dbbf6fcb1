"""A sentence and a way on for every error that the hub shows."""

from dataclasses import dataclass
from typing import Any

from jupyterhub.utils import format_exception

#: Statuses of the proxy when a server does not answer. Their page loads itself again.
AWAY = (502, 503, 504)

# Status: what the page says in large, and what it says if the error brings no sentence of its own.
_WORDS = {
    400: ("This did not work", "The platform did not understand what your browser sent."),
    401: ("Please sign in", "The platform does not know who you are, or you were away for long."),
    403: ("You may not open this page", "You have no right to do this."),
    404: ("This page does not exist", "Its address is wrong, or what was there is gone."),
    405: ("This did not work", "This page cannot be used in this way."),
    409: ("This did not work", "Something changed meanwhile. Load the page again and look first."),
    413: ("This is too large", "The platform takes nothing of this size."),
    421: ("The platform has another address", "This platform is not at this address."),
    424: ("This editor is not running", "It can be opened when it runs."),
    429: ("Too many at once", "Wait a minute, then try again."),
    500: (
        "Something went wrong",
        "The hub could not do this, and its log says why. Try again. If this happens again, show "
        "this page to an admin.",
    ),
}
_AWAY_WORDS = (
    "This editor does not answer at the moment",
    "It is starting again, or it has stopped. This page tries again every five seconds and opens "
    "by itself. Files are safe.",
)
_OTHER_WORDS = (
    "This did not work",
    "The platform refused what your browser sent. Go back, load the page again and try once more.",
)
_OLD_PAGE = (
    "This page is too old",
    "It was open for a long time, or its cookies are gone. Go back, load it again and try once "
    "more.",
)
_NOT_LET_IN = "You are not let in"
_NO_START = "Your editor cannot start now"
# What JupyterHub says to developers: names of scopes, and of its parts.
_RAW = ("scope", "_xsrf", "missing or invalid credentials", "traceback")
_FAILED = "Something went wrong on this platform, and the hub's log says what."
_TIMED_OUT = "It did not answer in time."


@dataclass(frozen=True)
class ErrorWords:
    """What an error's page says.

    Attributes:
        title: what happened, in a few words.
        sentence: what happened and what to do next.
        html: the same as HTML, if it is more than the text; empty otherwise.
        is_away: whether the page loads itself again, because a server may come back.
        is_start: whether an editor was about to start, so that trying again is the way on.
    """

    title: str
    sentence: str
    html: str = ""
    is_away: bool = False
    is_start: bool = False


def error_words(
    status_code: int,
    *,
    is_signed_in: bool,
    message: str = "",
    message_html: str = "",
    status_message: str = "",
    exception: Any = None,
) -> ErrorWords:
    """Return what the page of an error says.

    Args:
        status_code: the HTTP status.
        is_signed_in: whether the hub knows the user.
        message: what JupyterHub gives its page as the reason.
        message_html: the same as HTML.
        status_message: the status in HTTP's words, or the reason once more.
        exception: what was raised; None if the proxy asks for the page.
    """
    if status_code in AWAY:
        return ErrorWords(*_AWAY_WORDS, is_away=True)
    if "xsrf" in message.lower():
        return ErrorWords(*_OLD_PAGE)
    title, sentence = _WORDS.get(status_code, _OTHER_WORDS)
    if hasattr(exception, "jupyterhub_message"):
        return ErrorWords(_NO_START, message or _FAILED, message_html, is_start=True)
    if status_code == 403 and not is_signed_in:
        title = _NOT_LET_IN
    # JupyterHub gives a sentence that we raised as the status's message, too.
    is_own = exception is not None and not getattr(exception, "reason", None)
    if status_code != 500 and message and (message != status_message or is_own):
        sentence = sentence if _is_raw(message) else message
    return ErrorWords(title, sentence, message_html)


def failure_words(exception: BaseException) -> str:
    """Return why a start failed, in plain words.

    Args:
        exception: what the start raised.
    """
    message, _ = format_exception(exception, only_jupyterhub=True)
    if message:
        return str(message)
    is_late = isinstance(exception, TimeoutError) or getattr(exception, "reason", "") == "timeout"
    return _TIMED_OUT if is_late else _FAILED


def _is_raw(message: str) -> bool:
    return any(word in message.lower() for word in _RAW)
