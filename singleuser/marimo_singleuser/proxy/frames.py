"""The messages of a user in the bytes that a browser sends on a WebSocket. Pure."""

from __future__ import annotations

_MAX_KEPT_BYTES = 4096  # of a message; more is not needed to see what it is
_TEXT, _BINARY = 1, 2
_EXTENDED_LENGTH = {126: 2, 127: 8}  # bytes that follow, by the length in the second byte


class MessageReader:
    """Reads messages from pieces of a stream of frames (RFC 6455, 5.2) without extensions.

    It uses the memory of one message's beginning, however long the message is.
    """

    def __init__(self) -> None:
        self._head = bytearray()  # of the frame that comes in
        self._in_payload = False
        self._left = 0  # bytes of the payload that have not come yet
        self._at = 0  # place in the payload, for its mask
        self._opcode = _TEXT
        self._message = bytearray()

    def feed(self, data: bytes) -> list[str | bytes]:
        """Return the messages that end in this piece, each at most 4096 bytes of it.

        Args:
            data: the next bytes of the stream.
        """
        messages: list[str | bytes] = []
        view = memoryview(data)
        while view:
            if not self._in_payload:
                missing = self._head_length() - len(self._head)
                self._head += view[:missing]
                view = view[missing:]
                if len(self._head) < self._head_length():
                    continue
                self._begin_payload()
            piece, view = view[: self._left], view[self._left :]
            self._keep(piece)
            self._left -= len(piece)
            if not self._left:
                messages += self._end_frame()
        return messages

    def _head_length(self) -> int:
        """Return how long the frame's head is, as far as can be said yet."""
        if len(self._head) < 2:
            return 2
        mask_length = 4 if self._head[1] & 0x80 else 0
        return 2 + _EXTENDED_LENGTH.get(self._head[1] & 0x7F, 0) + mask_length

    def _begin_payload(self) -> None:
        length = self._head[1] & 0x7F
        if extended := _EXTENDED_LENGTH.get(length):
            length = int.from_bytes(self._head[2 : 2 + extended])
        self._left, self._at, self._in_payload = length, 0, True
        if opcode := self._head[0] & 0x0F:  # 0 goes on with the message before
            self._opcode = opcode if opcode < 8 else self._opcode

    @property
    def _is_control(self) -> bool:
        return bool(self._head[0] & 0x08)

    def _keep(self, piece: memoryview) -> None:
        mask = self._head[-4:] if self._head[1] & 0x80 else b"\0\0\0\0"
        if not self._is_control:
            for i, byte in enumerate(piece[: _MAX_KEPT_BYTES - len(self._message)], self._at):
                self._message.append(byte ^ mask[i % 4])
        self._at += len(piece)

    def _end_frame(self) -> list[str | bytes]:
        ends = bool(self._head[0] & 0x80) and not self._is_control
        self._head.clear()
        self._in_payload = False
        if not ends:
            return []
        message = bytes(self._message)
        self._message.clear()
        return [message if self._opcode == _BINARY else message.decode(errors="replace")]
