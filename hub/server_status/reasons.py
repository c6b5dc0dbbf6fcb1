"""Why each server stopped, as far as this hub has seen it. Its restart forgets that."""

from enum import StrEnum

from jupyterhub.spawner import Spawner

_stopped: dict[tuple[str, str], "Reason"] = {}  # by the names of user and server


class Reason(StrEnum):
    """Why a server stopped."""

    USER = "user"
    ADMIN = "admin"
    IDLE = "idle"
    MEMORY = "memory"
    CRASH = "crash"
    UNPUBLISHED = "unpublished"


def note_stop(spawner: Spawner, reason: Reason) -> None:
    """Remember why a server stops. JupyterHub forgets its spawner."""
    _stopped[_key(spawner)] = reason


def forget_stop(spawner: Spawner) -> None:
    """Forget it, because the server starts."""
    _stopped.pop(_key(spawner), None)


def stop_reason(spawner: Spawner) -> Reason | None:
    """Return why a server stopped; None if this hub does not know.

    Args:
        spawner: of a server that does not run.
    """
    ended = getattr(spawner, "exit_reason", "")  # stored with the server by some spawners
    if ended:
        return Reason.MEMORY if "memory" in ended else Reason.CRASH
    return _stopped.get(_key(spawner))


def _key(spawner: Spawner) -> tuple[str, str]:
    return spawner.user.name, spawner.name
