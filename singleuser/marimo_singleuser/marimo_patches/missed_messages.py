"""A page that connects again gets what its kernel sent while it was away.

WORKAROUND(marimo 0.25.2): a page that connects again never gets what its kernel sent meanwhile.
A cell that ended in that time seems to run for ever, and its output is missing. Here the page gets
the last state of each cell. It appends what a cell prints, so that is taken back first.
Test: test_a_page_that_connects_again_gets_what_it_missed
"""

from typing import Any

from marimo._messaging.notification import CellNotification, ReconnectedNotification
from marimo._server.api.endpoints.ws.session_handler import SessionHandler
from marimo._session.model import ConnectionState

_reconnect = SessionHandler._reconnect_session


def reconnect_with_missed_messages(self: SessionHandler, session: Any, replay: bool) -> None:
    """Connect a page to its session again."""
    if replay:
        _reconnect(self, session, replay)
        return
    if self.cancel_close_handle is not None:
        self.cancel_close_handle.cancel()
    self.status = ConnectionState.OPEN
    session.connect_consumer(self, main=True)
    self._serialize_and_notify(ReconnectedNotification())
    for notification in session.session_view.notifications:
        if isinstance(notification, CellNotification) and notification.console:
            self._serialize_and_notify(
                CellNotification(cell_id=notification.cell_id, console=[], status=None)
            )
    self._replay_previous_session(session)


def install() -> None:
    """Make marimo send these messages, in this process."""
    SessionHandler._reconnect_session = reconnect_with_missed_messages  # type: ignore[method-assign]
