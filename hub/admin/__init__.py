"""The page "People and editors": who is here, what their editors use, and what can be done.

| module     | what                                                                |
|------------|---------------------------------------------------------------------|
| `people`   | a row for each user, and how rows are sorted and searched           |
| `usage`    | memory and processors, measured once for all who look               |
| `words`    | durations, amounts and states as a person reads them                |
| `details`  | one user: last log lines, a failed start, the account on the broker |
| `actions`  | stop, start, block, remove, and messages                            |
| `messages` | what admins tell users, and the route where servers read it         |
| `handlers` | the pages and their buttons                                         |
"""

from collections.abc import Callable
from typing import Any

from jupyterhub.user import User
from mosshub_contract.team_messages import API_PATH

from hub.admin.actions import ACTIONS
from hub.admin.handlers import (
    AdminPage,
    Parts,
    PeopleAsJson,
    PersonAction,
    PersonPage,
    TeamMessageAction,
)
from hub.admin.messages import MessagesHandler, MessageStore
from hub.admin.usage import UsageMonitor
from hub.settings import Settings
from hub.signin.blocked import BlockedUsers

#: Path of the page, below the hub's.
PATH = "/mosshub/admin"


def configure(
    c: Any, settings: Settings, blocked: BlockedUsers, count_apps: Callable[[str], int]
) -> None:
    """Add the page and its routes, on JupyterHub's configuration `c`.

    Args:
        c: JupyterHub's configuration.
        settings: the platform's settings.
        blocked: the users who are blocked.
        count_apps: tells how many apps a user has published, by the user's name.
    """
    messages = MessageStore(settings.data_dir / "hub" / "messages.json")

    def team_messages(user: User | None) -> list:
        return messages.for_user(user.name) if user else []

    c.JupyterHub.template_vars |= {"team_messages": team_messages}
    parts = {"parts": Parts(settings, messages, blocked, UsageMonitor(), count_apps)}
    person = rf"{PATH}/people/([^/]+)"
    c.JupyterHub.extra_handlers.extend(
        [
            (PATH, AdminPage, parts),
            (rf"{PATH}/people\.json", PeopleAsJson, parts),
            (rf"{PATH}/message", TeamMessageAction, parts),
            (person, PersonPage, parts),
            (rf"{person}/({'|'.join(ACTIONS)})", PersonAction, parts),
            (rf"/api{API_PATH}", MessagesHandler, {"messages": messages}),
        ]
    )
