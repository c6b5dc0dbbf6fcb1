"""Messages are found in a browser's bytes, however these are cut, and in bounded memory."""

from __future__ import annotations

import struct
import tracemalloc

import pytest
from marimo_singleuser.proxy.frames import MessageReader

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
MIB = 1024**2


def frame(content: bytes, opcode: int, *, final: bool = True, masked: bool = True) -> bytes:
    """Return a frame as RFC 6455 describes it."""
    flag, length = 0x80 if masked else 0, len(content)
    head = bytes([(0x80 if final else 0) | opcode])
    if length < 126:
        head += bytes([flag | length])
    elif length < 65536:
        head += bytes([flag | 126]) + struct.pack(">H", length)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", length)
    if not masked:
        return head + content
    mask = b"\x01\x82\x43\xf4"
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))


STREAM = b"".join(
    [
        frame(b"ls", TEXT),
        frame(b"", PING),
        frame(b"", TEXT),
        frame(b"first ", TEXT, final=False),
        frame(b"pong?", PING),
        frame(b"second", 0),
        frame(b"x" * 300, BINARY),
        frame("ü€".encode(), TEXT),
        frame(b"y" * 70_000, TEXT),
        frame(b"\x03\xe8", CLOSE),
    ]
)
MESSAGES = ["ls", "", "first second", b"x" * 300, "ü€", "y" * 4096]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000, len(STREAM)])
def test_messages_however_the_bytes_are_cut(size: int) -> None:
    reader = MessageReader()
    found = []
    for start in range(0, len(STREAM), size):
        found += reader.feed(STREAM[start : start + size])
    assert found == MESSAGES


def test_frames_without_a_mask() -> None:
    """A browser masks every frame; other programs may not, and marimo refuses them."""
    assert MessageReader().feed(frame(b"ls", TEXT, masked=False)) == ["ls"]


def test_a_long_message_takes_no_memory() -> None:
    reader = MessageReader()
    reader.feed(frame(b"", TEXT)[:1] + bytes([0x80 | 127]) + struct.pack(">Q", 256 * MIB) + b"1234")
    piece = bytes(MIB)
    tracemalloc.start()
    for number in range(256):
        found = reader.feed(piece)
        assert len(found) == (number == 255)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MIB
    assert len(found[0]) == 4096
