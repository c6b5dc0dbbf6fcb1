"""One user: the last log lines of their server, and their account on the broker."""

import asyncio
from dataclasses import dataclass

from docker.errors import DockerException
from jupyterhub.auth import Authenticator
from jupyterhub.user import User
from mosshub_contract.redaction import redact
from requests import RequestException

from hub.accounts.hooks import hub_user
from hub.accounts.report import AccountReport, account_report
from hub.admin.people import server_of

#: Lines of a server's log that its page shows.
LOG_LINES = 100
_LOG_TIMEOUT_S = 3.0
_NO_LOG = "There is none: the editor has not run yet, or its log went with it."


@dataclass(frozen=True)
class Details:
    """What the page of one user shows beside their row.

    Attributes:
        log: the last lines of their server's log; empty if there are none.
        log_error: why there are none; empty if there are some.
        has_accounts: whether the hub manages accounts on the broker.
        account: the user's account; None if the broker is away or the hub manages none.
    """

    log: str
    log_error: str
    has_accounts: bool
    account: AccountReport | None


async def gather_details(user: User, authenticator: Authenticator) -> Details:
    """Return what the page of one user shows. It waits 3 s at most.

    Args:
        user: the user, as JupyterHub knows them.
        authenticator: the hub's sign-in, which knows the accounts.
    """
    reconciler = getattr(authenticator, "reconciler", None)
    (log, log_error), account = await asyncio.gather(
        _log(user), account_report(reconciler, hub_user(user)) if reconciler else _nothing()
    )
    return Details(log, log_error, reconciler is not None, account)


async def _nothing() -> None:
    return None


async def _log(user: User) -> tuple[str, str]:
    server = server_of(user)
    if server is None or not hasattr(server, "log_tail"):
        return "", _NO_LOG
    try:
        async with asyncio.timeout(_LOG_TIMEOUT_S):
            text = await server.log_tail(LOG_LINES)
    except TimeoutError:
        return "", "The log did not come in time."
    except (DockerException, RequestException, OSError):
        return "", "The log cannot be read now: the engine does not answer."
    lines = text.rstrip().splitlines()[-LOG_LINES:]
    if not lines:
        return "", _NO_LOG
    return "\n".join(redact(line) for line in lines), ""
