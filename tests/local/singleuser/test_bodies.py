"""Large uploads and downloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from tests.support.memory import Memory
from tests.support.singleuser import Person

MIB = 1024**2


def _upload(
    size: int, boundary: str, folder: str, memory: Memory, seen: list[int]
) -> Iterator[bytes]:
    """Yield the pieces of a form with a file; `seen` gets the memory while they are sent."""
    for name, value in {"path": folder, "type": "file", "name": "large.bin"}.items():
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        yield value.encode() + b"\r\n"
    yield (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    piece = b"\x00" * MIB
    for number in range(size // MIB):
        if number % 32 == 0:
            seen.append(memory.now())
        yield piece
    yield f"\r\n--{boundary}--\r\n".encode()


@pytest.mark.slow
def test_upload_and_download_of_1_gib_in_bounded_memory(ada: Person) -> None:
    memory, seen = Memory(ada.process), []
    before = memory.now()
    folder = str(ada.home / "notebooks")
    answer = ada.session.post(
        ada.base + "api/files/create",
        data=_upload(1024 * MIB, "b0undary", folder, memory, seen),
        headers={
            "Content-Type": "multipart/form-data; boundary=b0undary",
            "Origin": ada.origin,
            "Marimo-Server-Token": ada.skew_token(),
        },
        timeout=300,
    )
    assert answer.ok, answer.text[:500]
    large = ada.home / "notebooks" / "large.bin"
    assert large.stat().st_size == 1024 * MIB
    got = 0
    with ada.get("api/files/download", params={"path": str(large)}, stream=True) as download:
        assert download.ok, download.text[:500]
        for number, piece in enumerate(download.iter_content(MIB)):
            got += len(piece)
            if number % 32 == 0:
                seen.append(memory.now())
    large.unlink()
    assert got == 1024 * MIB
    print(f"proxy: {before / MIB:.0f} MiB before, at most {max(seen) / MIB:.0f} MiB")
    assert max(seen) - before < 64 * MIB


@pytest.mark.parametrize(
    "path", ["oauth_callback", "", "_mosshub/ask-hub-again", "_mosshub/restore", "../ada"]
)
def test_what_a_stranger_sends_takes_no_memory(ada: Person, path: str) -> None:
    """`/user/ada` is another spelling of her server's address."""
    memory, seen = Memory(ada.process), []

    def body() -> Iterator[bytes]:
        for _ in range(200):
            seen.append(memory.now())
            yield b"\x00" * MIB

    before = memory.now()
    with suppress(requests.ConnectionError):  # or the connection ends while it sends
        answer = requests.post(ada.base + path, data=body(), timeout=120, allow_redirects=False)
        assert answer.status_code in (307, 400, 403, 405, 413, 503)
    assert max(seen) - before < 40 * MIB
