"""No two users share a host name, and with it an origin."""

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from sqlalchemy import event
from tornado import web

from hub.origins.hosts import host_error


def taken_host_error(username: str) -> str | None:
    """Return why nobody can be `username` in the running hub; None if it is possible.

    Args:
        username: name of somebody who signs in or is added.
    """
    if not JupyterHub.initialized():
        return None
    hub = JupyterHub.instance()
    return host_error(username, hub.db) if hub.subdomain_host else None


def refuse_taken_hosts() -> None:
    """Make the hub refuse a new user whose host name belongs to another one.

    A sign-in is refused before, with the same sentence. An admin may also add users.
    """

    @event.listens_for(orm.User.name, "set", active_history=True)
    def check(user: orm.User, name: str | None, before: object, _) -> None:
        if name is None or isinstance(before, str):
            return  # not a new user
        if reason := taken_host_error(name):
            raise web.HTTPError(409, reason)
