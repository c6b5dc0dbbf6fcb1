"""The host name of each user, and who a host name belongs to."""

from collections.abc import Iterable
from functools import lru_cache

from jupyterhub import orm
from jupyterhub.utils import subdomain_hook_idna
from sqlalchemy import select
from sqlalchemy.orm import Session

#: Label of a host that is no user's: no name gets one with two hyphens of this form.
CHECK_LABEL = "check--mosshub"
#: Label of Grafana's host, if there is one: `hub.metrics.grafana`.
GRAFANA_LABEL = "grafana--service"


def user_host(name: str, domain: str, kind: str) -> str:
    """Return the host name of a user or service, as JupyterHub's `subdomain_hook`.

    Args:
        name: name of the user or service.
        domain: host name of the hub.
        kind: `user` or `service`.
    """
    host = subdomain_hook_idna(name, domain, kind)
    if not host.isascii():
        # WORKAROUND(jupyterhub 6.1.1): it keeps the letters that Python's `[a-z]` matches beside
        # ASCII, such as the Turkish ı. Two hyphens make it hash the name.
        # Test: test_a_host_is_a_legal_name
        host = subdomain_hook_idna(f"--{name}", domain, kind)
    return host.lower()  # the DNS does not know capitals


@lru_cache(maxsize=100_000)
def host_label(username: str) -> str:
    """Return the first label of a user's host name, at most 63 letters, digits and hyphens."""
    return user_host(username, "d", "user").removesuffix(".d")


def label_owner(label: str, usernames: Iterable[str]) -> str | None:
    """Return which of the users has this label; None if nobody has it.

    Names that are no label get one with a hash of 28 bits, so two users may share one. It belongs
    to the first of them.

    Args:
        label: the first label of a host name.
        usernames: the names to look among, those of older users first.
    """
    return next((name for name in usernames if host_label(name) == label), None)


def host_error(username: str, db: Session) -> str | None:
    """Return why nobody can be `username` on this platform, as a sentence; None if it is possible.

    Args:
        username: name of somebody who signs in or is added.
        db: the hub's database.
    """
    label = host_label(username)
    owner = label_owner(label, _usernames(db, label))
    if owner in (None, username):
        return None
    return (
        f"The name {username} cannot be used here: its address ({label}.…) belongs to another "
        "user. Use another name, or ask an admin."
    )


def is_known_label(label: str, db: Session) -> bool:
    """Return whether a host with this label exists: a user's, Grafana's, or the one for checks.

    Args:
        label: the first label of a host name.
        db: the hub's database.
    """
    if label == GRAFANA_LABEL:
        return db.scalar(select(orm.Service.id).where(orm.Service.name == "grafana")) is not None
    return label == CHECK_LABEL or label_owner(label, _usernames(db, label)) is not None


def _usernames(db: Session, label: str) -> Iterable[str]:
    """Return the names that may have this label; older users' first."""
    names = select(orm.User.name).order_by(orm.User.id)
    if "--" not in label:
        # Such a label is the name itself, whatever its capitals.
        names = names.where(orm.User.name.ilike(label, escape="\\"))
    return db.scalars(names)
