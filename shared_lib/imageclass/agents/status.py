"""What an agent says about itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AgentStatus:
    """A snapshot of what an agent has done since it was started.

    `state` is "starting", "running" (it is a member of its group), "trying again" (after the
    error in `last_error`) or "stopped". `received` = `answered` + `rejected` and `expired` (both
    in the dead-letter topic) + `skipped` (for another data set). `paused`: it takes no requests
    in, because the model or the broker is behind. `lag`: requests that are waiting behind the
    last delivered batch. `last_error` stays after the agent has recovered. `model` and `canary`
    are hashes, empty if unknown; `share` of the requests is the canary's, from 0 to 1. A batch is
    closed at `batch_size` requests or `max_wait` seconds after its first was sent.
    """

    name: str
    state: str
    received: int = 0
    answered: int = 0
    rejected: int = 0
    skipped: int = 0
    expired: int = 0
    errors: int = 0
    lag: int = 0
    paused: bool = False
    last_error: str = ""
    model: str = ""
    dataset: str = ""
    canary: str = ""
    share: float = 0.0
    batch_size: int = 0
    max_wait: float = 0.0
