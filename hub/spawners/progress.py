"""What both spawners tell the page that waits for a server."""

import asyncio
from collections.abc import AsyncGenerator
from html import escape

from jupyterhub.spawner import SpawnException
from mosshub_contract.redaction import redact

#: Lines of a log that the page of a failed start shows.
LOG_TAIL_LINES = 12
#: The stage of a start that may still be refused.
NOT_BEGUN = (0, "Waiting for a place …")
_POLL_INTERVAL_S = 0.2


class SpawnError(SpawnException):
    """A server did not start; the message says why, on every page that shows it.

    Args:
        sentence: the reason, as text.
        reason: the reason in one word, for programs.
        html: the reason as HTML, if it is more than the text.
        status_code: the HTTP status of pages and answers that show it.
    """

    def __init__(
        self, sentence: str, *, reason: str, html: str = "", status_code: int = 400
    ) -> None:
        super().__init__(sentence, reason=reason, message_html=html, status_code=status_code)
        # Without these, some of JupyterHub's pages also show the exception's name and number.
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = html or escape(sentence)


def ended_start(sentence: str, log_tail: str) -> SpawnError:
    """Return why a server did not start that ended meanwhile, with what it printed last.

    Args:
        sentence: how it ended.
        log_tail: the last lines of its log.
    """
    tail = "\n".join(redact(line) for line in log_tail.strip().splitlines()) or "(nothing)"
    sentence = f"{sentence} Its last output:"
    html = f"{escape(sentence)}<pre>{escape(tail)}</pre>"
    return SpawnError(f"{sentence}\n{tail}", html=html, reason="ended")


class ProgressMixin:
    """Reports how far a start is, and a remark about the broker.

    Mixed in before a spawner's class.

    Attributes:
        stage: the percentage that is done, and what happens now.
        broker_note: a remark while the broker is away; empty otherwise.
    """

    stage: tuple[int, str] = NOT_BEGUN
    broker_note: str = ""

    async def progress(self) -> AsyncGenerator[dict, None]:
        """Yield each stage and remark of the start, until JupyterHub ends this generator."""
        shown: tuple[int, str] | None = None
        noted = ""
        while True:
            if self.stage != shown:
                shown = self.stage
                yield {"progress": shown[0], "message": shown[1]}
            if self.broker_note != noted:
                noted = self.broker_note
                yield {"message": noted}
            await asyncio.sleep(_POLL_INTERVAL_S)
