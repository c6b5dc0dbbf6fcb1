"""What an agent has done since it was started."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AgentStatus:
    """A snapshot of what an agent has done since it was started.

    It holds that `received` = `answered` + `rejected` + `expired` + `skipped`.

    Attributes:
        name: the agent's name.
        state: "starting", "running" (it is a member of its group), "trying again" (after the error
            in `last_error`, or while the broker is away) or "stopped".
        received: requests that were taken from the topic and are done.
        answered: requests with a prediction.
        rejected: requests that cannot be decoded, in the dead-letter topic.
        skipped: requests for another data set.
        expired: requests whose deadline had passed, in the dead-letter topic.
        errors: errors so far.
        throttled: seconds for which the broker made it wait, because of quotas on what it sends.
        lag: requests that wait behind the last delivered batch.
        paused: it takes no requests in, because the model or the broker is behind.
        last_error: the last error's text; it stays after the agent has recovered, unless it was
            only that the broker was away.
        model: hash of the model, empty if unknown.
        dataset: name of the data set, empty for any.
        canary: hash of the canary, empty if there is none or it is unknown.
        share: the canary's share of the requests, from 0 to 1.
        batch_size: a batch is closed at so many requests.
        max_wait: or so many seconds after its first request was sent.
    """

    name: str
    state: str
    received: int = 0
    answered: int = 0
    rejected: int = 0
    skipped: int = 0
    expired: int = 0
    errors: int = 0
    throttled: float = 0.0
    lag: int = 0
    paused: bool = False
    last_error: str = ""
    model: str = ""
    dataset: str = ""
    canary: str = ""
    share: float = 0.0
    batch_size: int = 0
    max_wait: float = 0.0
