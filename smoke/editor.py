"""A notebook in the user's editor, driven as its page drives it: requests and a WebSocket."""

import asyncio
import json
import re
import secrets
import ssl
import time
from typing import Any

import requests
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from smoke.cells import MARK
from smoke.errors import SmokeError
from smoke.platform import Platform, origin_of

#: Seconds for a kernel to be there, and for a cell to end.
KERNEL_TIMEOUT_S = 120.0
CELL_TIMEOUT_S = 120.0
_EMPTY = b"import marimo\n\napp = marimo.App()\n"


class Editor:
    """The editor of the user whose token the platform's session sends.

    Args:
        platform: where it runs.
        base: its address.
    """

    def __init__(self, platform: Platform, base: str) -> None:
        self._session = platform.session
        self._base = base
        self._headers = {"Origin": origin_of(base)}
        self._path = ""

    def open(self) -> None:
        """Load the page of files, as a browser does.

        Raises:
            SmokeError: it is not there.
        """
        try:
            page = self._session.get(f"{self._base}?files=all", timeout=60)
        except requests.RequestException as error:
            raise SmokeError("editor", f"{self._base} does not answer: {error}") from None
        found = re.search(r'"serverToken":\s*"([^"]+)"', page.text)
        if not page.ok or not found:
            raise SmokeError("editor", f"{self._base} answers {page.status_code}, and no editor")
        self._headers["Marimo-Server-Token"] = found[1]

    def create_notebook(self) -> None:
        """Save an empty notebook.

        Raises:
            SmokeError: the editor does not take it, such as on a full disk.
        """
        root = self._post("api/files/list_files", {}).get("root", "")
        name = f"smoke-{secrets.token_hex(4)}.py"
        answer = self._session.post(
            f"{self._base}api/files/create",
            data={"path": root, "type": "notebook", "name": name},
            files={"file": (name, _EMPTY)},
            headers=self._headers,
            timeout=60,
        )
        try:
            found = answer.json()
        except ValueError:
            found = {}
        if not answer.ok or not found.get("success"):
            said = found.get("message") or found.get("detail") or answer.status_code
            raise SmokeError("disk", f"the editor saves no notebook: {said}")
        self._path = found["info"]["path"]

    def delete_notebook(self) -> None:
        """Delete the notebook, if there is one, and end its kernel."""
        if self._path:
            self._post("api/files/delete", {"path": self._path})
            self._path = ""

    def run(self, *codes: str) -> list[str]:
        """Run cells in a kernel of the notebook, one after the other.

        Returns:
            What each printed behind `MARK`.

        Raises:
            SmokeError: no kernel came, or a cell did not end.
        """
        return asyncio.run(self._run(codes))

    async def _run(self, codes: tuple[str, ...]) -> list[str]:
        session = "s_" + secrets.token_hex(3)
        socket = await self._connect(session)
        try:
            await _message(socket, "kernel-ready", "", KERNEL_TIMEOUT_S)
            printed = []
            for code in codes:
                cell = "c" + secrets.token_hex(3)
                body = {"cellIds": [cell], "codes": [code]}
                headers = {"Marimo-Session-Id": session}
                await asyncio.to_thread(self._post, "api/kernel/run", body, headers)
                printed.append(await _message(socket, "cell-op", cell, CELL_TIMEOUT_S))
            await asyncio.to_thread(self._post, "api/home/shutdown_session", {"sessionId": session})
            return printed
        finally:
            socket.close()

    async def _connect(self, session: str) -> WebSocketClientConnection:
        url = f"{self._base.replace('http', 'ws', 1)}ws?session_id={session}&file={self._path}"
        headers = {**self._headers, "Authorization": str(self._session.headers["Authorization"])}
        verify = self._session.verify
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        request = HTTPRequest(url, headers=headers, connect_timeout=60, ssl_options=context)
        try:
            return await websocket_connect(request, max_message_size=2**26)
        except Exception as error:
            raise SmokeError("editor", f"no WebSocket to the editor: {error}") from None

    def _post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            answer = self._session.post(
                self._base + path,
                json=body,
                headers={**self._headers, **(headers or {})},
                timeout=60,
            )
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise SmokeError("editor", f"it refuses {path}: {error}") from None
        return found if isinstance(found, dict) else {}


async def _message(
    socket: WebSocketClientConnection, kind: str, cell: str, timeout_s: float
) -> str:
    """Wait for the kernel, or for the end of a cell; return what the cell printed behind `MARK`."""
    deadline = time.monotonic() + timeout_s
    printed = ""
    while (left := deadline - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                text = await socket.read_message()
        except TimeoutError:
            break
        if text is None:
            raise SmokeError("kernel", "the editor closed the connection")
        message = json.loads(text)
        data = message.get("data") or {}
        if message.get("op") != kind or (cell and data.get("cell_id") != cell):
            continue
        console = data.get("console") or []
        for output in console if isinstance(console, list) else [console]:
            printed += output["data"] if isinstance(output.get("data"), str) else ""
        if not cell:
            return ""
        if data.get("status") == "idle":
            return printed.partition(MARK)[2].strip()
    what = "no cell ended" if cell else "no kernel came"
    raise SmokeError("kernel", f"{what} within {timeout_s:.0f} s")
