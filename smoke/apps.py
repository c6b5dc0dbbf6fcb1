"""An app: published from the editor, opened as its author opens it, and ended."""

import asyncio
import secrets
import time
from urllib.parse import quote, urljoin

from smoke.cells import MARK, publish, unpublish
from smoke.editor import CELL_TIMEOUT_S, Editor
from smoke.errors import SmokeError
from smoke.platform import START_TIMEOUT_S, Platform
from smoke.sockets import messages, new_session, open_socket

#: What the notebook shows as an app.
_SHOWN = f"{MARK}42"


class App:
    """An app of the user, made of the notebook of their editor.

    Args:
        platform: where it is.
        editor: the user's editor, with a notebook.
    """

    def __init__(self, platform: Platform, editor: Editor) -> None:
        self._platform, self._editor = platform, editor
        self._slug = f"smoke-{secrets.token_hex(4)}"
        self._page = f"{platform.url}/hub/apps/{quote(platform.name, safe='')}/{self._slug}"

    def publish(self) -> None:
        """Publish it with the command of the user's terminal.

        Raises:
            SmokeError: it was refused.
        """
        self._do(publish(self._editor.notebook, self._slug, self._platform.name))

    def open(self) -> None:
        """Open its address until it shows what it should.

        Raises:
            SmokeError: it does not start, or shows nothing.
        """
        asyncio.run(self._read(self._start()))

    def unpublish(self) -> None:
        """End it.

        Raises:
            SmokeError: it was refused, or the app still has an address.
        """
        self._do(unpublish(self._slug))
        if (status := self._platform.get(self._page).status_code) != 404:
            raise SmokeError("app", f"it was ended, and its address answers {status}")

    def _do(self, code: str) -> None:
        (said,) = self._editor.run(code)
        if said != "done":
            raise SmokeError("app", said[:500] or "the cell printed nothing")

    def _start(self) -> str:
        """Return the address of its server, once it runs."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            answer = self._platform.get(self._page)
            place = urljoin(self._page, answer.headers.get("Location", ""))
            if answer.is_redirect and "/user/" in place:
                return place
            if answer.status_code != 200:
                raise SmokeError("app", f"the hub does not open it: {answer.status_code}")
            if '"failed"' in self._platform.get(f"{self._page}/state").text:
                raise SmokeError("app", "its server did not start; the hub's page Apps says why")
            time.sleep(1)
        raise SmokeError("app", f"its server does not run after {START_TIMEOUT_S:.0f} s")

    async def _read(self, base: str) -> None:
        session = new_session()
        async with open_socket(self._platform.session, base, session_id=session) as socket:
            async for _, data in messages(socket, CELL_TIMEOUT_S):
                if _SHOWN in str((data.get("output") or {}).get("data")):
                    return
        raise SmokeError("app", f"it does not show the result within {CELL_TIMEOUT_S:.0f} s")
