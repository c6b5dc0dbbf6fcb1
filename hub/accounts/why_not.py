"""Why a broker does not let the hub in."""

import logging
from typing import Any

from kafka.net import transport

#: What is in a reason when the time was over, or when only the broker knows more.
_TELLS_LESS = ("disconnected", "timeout", "timed out")


class WhyNot(logging.Handler):
    """Keeps why kafka-python could not connect, and shows nothing: the reconciler says it once.

    WORKAROUND(kafka-python 3.0.12): its error says that it could not connect, and only its log why.
    Test: test_neither_a_wrong_password_nor_an_unknown_authority_is_let_in

    Attributes:
        reason: what the log said last that tells something; empty before.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the log."""
        if str(record.msg).startswith("Bootstrap connection") and isinstance(record.args, tuple):
            why = str(record.args[1])
            if not self.reason or not any(words in why.lower() for words in _TELLS_LESS):
                self.reason = why


#: That of this process.
why_not = WhyNot()
_log = logging.getLogger("kafka")
_log.addHandler(why_not)
_log.propagate = False


def _give_what_came_first(cls: type[Any]) -> None:
    """Let a transport pass on what a broker sent before it hung up.

    WORKAROUND(kafka-python 3.0.12): it drops that, and with it the reason: a wrong password.
    The next read finds the end of the connection again.
    Test: test_neither_a_wrong_password_nor_an_unknown_authority_is_let_in
    """
    receive = cls._sock_recv

    def received(self: Any) -> tuple[bytes, Exception | None]:
        data, error = receive(self)
        return data, None if data else error

    cls._sock_recv = received


for _transport in (transport.KafkaTCPTransport, transport.KafkaSSLTransport):
    _give_what_came_first(_transport)
