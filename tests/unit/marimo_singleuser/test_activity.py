"""Which requests are activity."""

from __future__ import annotations

import pytest
from marimo_singleuser.activity import is_keystroke, is_user_action


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "api/kernel/run", True),
        ("POST", "_mosshub/stop", True),
        ("POST", "api/kernel/save", True),
        ("POST", "api/document/transaction", True),
        ("POST", "api/files/create", True),
        ("POST", "api/packages/add", True),
        ("POST", "api/kernel/instantiate", False),  # a page that loads sends it by itself
        ("POST", "api/home/running_notebooks", False),
        ("POST", "api/files/list_files", False),
        ("GET", "api/usage", False),
        ("GET", "api/kernel/status", False),
    ],
)
def test_user_actions(method: str, path: str, action: bool) -> None:
    assert is_user_action(method, path) is action


def test_keystrokes() -> None:
    assert is_keystroke("terminal/ws", "l")
    assert is_keystroke("terminal/ws", "{")
    assert not is_keystroke("terminal/ws", '{"type": "resize", "cols": 80, "rows": 24}')
    assert not is_keystroke("ws", "anything")
