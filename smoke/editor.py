"""A notebook in the user's editor, driven as its page drives it: requests and a WebSocket."""

import asyncio
import re
import secrets
from typing import Any

import requests
from tornado.websocket import WebSocketClientConnection

from smoke.cells import MARK, NOTEBOOK
from smoke.errors import SmokeError
from smoke.platform import Platform, origin_of
from smoke.sockets import messages, new_session, open_socket

#: Seconds for a kernel to be there, and for a cell to end.
KERNEL_TIMEOUT_S = 120.0
CELL_TIMEOUT_S = 120.0


class Editor:
    """The editor of the user whose token the platform's session sends.

    Args:
        platform: where it runs.
        base: its address.

    Attributes:
        notebook: path of the notebook in the user's home, once there is one.
    """

    def __init__(self, platform: Platform, base: str) -> None:
        self._session = platform.session
        self._base = base
        self._headers = {"Origin": origin_of(base)}
        self.notebook = ""

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
        """Save a notebook.

        Raises:
            SmokeError: the editor does not take it, such as on a full disk.
        """
        root = self._post("api/files/list_files", {}).get("root", "")
        name = f"smoke-{secrets.token_hex(4)}.py"
        answer = self._session.post(
            f"{self._base}api/files/create",
            data={"path": root, "type": "notebook", "name": name},
            files={"file": (name, NOTEBOOK.encode())},
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
        self.notebook = found["info"]["path"]

    def delete_notebook(self) -> None:
        """Delete the notebook, if there is one, and end its kernel."""
        if self.notebook:
            self._post("api/files/delete", {"path": self.notebook})
            self.notebook = ""

    def run(self, *codes: str) -> list[str]:
        """Run cells in a kernel of the notebook, one after the other.

        Returns:
            What each printed behind `MARK`.

        Raises:
            SmokeError: no kernel came, or a cell did not end.
        """
        return asyncio.run(self._run(codes))

    async def _run(self, codes: tuple[str, ...]) -> list[str]:
        session, client = new_session(), self._session
        async with open_socket(
            client, self._base, session_id=session, file=self.notebook
        ) as socket:
            await _kernel(socket)
            printed = []
            for code in codes:
                cell = "c" + secrets.token_hex(3)
                body = {"cellIds": [cell], "codes": [code]}
                headers = {"Marimo-Session-Id": session}
                await asyncio.to_thread(self._post, "api/kernel/run", body, headers)
                printed.append(await _printed(socket, cell))
            await asyncio.to_thread(self._post, "api/home/shutdown_session", {"sessionId": session})
            return printed

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


async def _kernel(socket: WebSocketClientConnection) -> None:
    """Wait for the kernel."""
    async for kind, _ in messages(socket, KERNEL_TIMEOUT_S):
        if kind == "kernel-ready":
            return
    raise SmokeError("kernel", f"no kernel came within {KERNEL_TIMEOUT_S:.0f} s")


async def _printed(socket: WebSocketClientConnection, cell: str) -> str:
    """Wait for the end of a cell; return what it printed behind `MARK`."""
    printed = ""
    async for kind, data in messages(socket, CELL_TIMEOUT_S):
        if kind != "cell-op" or data.get("cell_id") != cell:
            continue
        console = data.get("console") or []
        for output in console if isinstance(console, list) else [console]:
            printed += output["data"] if isinstance(output.get("data"), str) else ""
        if data.get("status") == "idle":
            return printed.partition(MARK)[2].strip()
    raise SmokeError("kernel", f"no cell ended within {CELL_TIMEOUT_S:.0f} s")
