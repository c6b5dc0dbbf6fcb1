"""The hub's log, without secrets."""

from typing import Any

from jupyterhub.log import CoroutineLogFormatter
from mosshub_contract.redaction import RedactingFormatter


class HubLogFormatter(RedactingFormatter, CoroutineLogFormatter):
    """Formats a line as JupyterHub does, without queries, tokens, cookies and passwords."""


#: The hub's part of JupyterHub's `logging_config`. The libraries' loggers get the same formatter.
LOGGING: dict[str, Any] = {
    "formatters": {"console": {"class": f"{__name__}.{HubLogFormatter.__name__}"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
}
