"""What Docker's description of a container says about how the container ended."""

from typing import Any

#: Restarts in a row by the engine after which a container counts as failed.
MAX_RESTARTS = 3
_KILLED = 137  # the exit code of a process that SIGKILL ended


def has_ended(container: dict[str, Any]) -> bool:
    """Return whether a container is down, or waits to be restarted.

    Args:
        container: the engine's answer to `docker inspect`.
    """
    return not container["State"]["Running"] or container["State"]["Restarting"]


def has_failed(container: dict[str, Any]) -> bool:
    """Return whether a container that starts has ended, or has been restarted too often.

    One that runs again may still open, and the engine no longer says how it ended before.
    """
    return has_ended(container) or container["RestartCount"] > MAX_RESTARTS


def is_restarting(container: dict[str, Any]) -> bool:
    """Return whether the engine is about to restart a container that has not failed."""
    return container["State"]["Restarting"] and container["RestartCount"] <= MAX_RESTARTS


def exit_reason(container: dict[str, Any]) -> str:
    """Return how a container ended, as the end of a sentence that begins with its name."""
    state = container["State"]
    if not has_ended(container):
        return "it ended by itself, again and again"
    # The engine's mark stays after any process in the container was ended so, such as a kernel.
    if state.get("OOMKilled") and state["ExitCode"] == _KILLED:
        limit = container["HostConfig"]["Memory"] / 2**30
        return f"it used more than its {limit:.3g} GB of memory and was ended"
    return f"it ended by itself (exit code {state['ExitCode']})"
