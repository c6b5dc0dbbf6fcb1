"""Why a broker does not let the hub in."""

import logging


class WhyNot(logging.Handler):
    """Keeps why kafka-python could not connect, and shows nothing: the reconciler says it once.

    WORKAROUND(kafka-python 3.0.12): its error says that it could not connect, and only its log why.
    Test: test_neither_a_wrong_password_nor_an_unknown_authority_is_let_in

    Attributes:
        reason: what the log said last; empty before.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the log."""
        if str(record.msg).startswith("Bootstrap connection") and isinstance(record.args, tuple):
            why = str(record.args[1])
            if "disconnected" not in why or not self.reason:  # that tells less
                self.reason = why


#: That of this process.
why_not = WhyNot()
_log = logging.getLogger("kafka")
_log.addHandler(why_not)
_log.propagate = False
