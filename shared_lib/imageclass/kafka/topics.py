"""Names of the topics and consumer groups under one prefix."""

import os
from dataclasses import dataclass, field

from mosshub_contract import topics
from mosshub_contract.topics import PREFIX_VARIABLE, TEAM_PREFIX, topic_settings


@dataclass(frozen=True)
class Topics:
    """Names of the topics and groups under one prefix.

    Attributes:
        prefix: with its dot, such as `team.`. By default a user's own prefix, which the hub puts
            into `MOSSHUB_TOPIC_PREFIX`; without one it is the team's.
    """

    prefix: str = field(default_factory=lambda: os.environ.get(PREFIX_VARIABLE) or TEAM_PREFIX)

    @property
    def requests(self) -> str:
        """Images to be classified."""
        return f"{self.prefix}{topics.REQUESTS}"

    @property
    def predictions(self) -> str:
        """What the agents answer."""
        return f"{self.prefix}{topics.PREDICTIONS}"

    @property
    def verdicts(self) -> str:
        """What the judge makes of the predictions."""
        return f"{self.prefix}{topics.VERDICTS}"

    @property
    def dead_letters(self) -> str:
        """Messages that could not be processed, with the reason."""
        return f"{self.prefix}{topics.DEAD_LETTERS}"

    @property
    def second_opinions(self) -> str:
        """Requests for a third agent only, because two disagree."""
        return f"{self.prefix}{topics.SECOND_OPINIONS}"

    @property
    def agents(self) -> str:
        """The agents' heartbeats, the last of each kept (compacted)."""
        return f"{self.prefix}{topics.AGENTS}"

    def group(self, agent: str) -> str:
        """Return the consumer group of an agent; there is one group for each model."""
        return f"{self.prefix}agent.{agent}"

    @property
    def all(self) -> tuple[str, ...]:
        """Every topic's name."""
        return tuple(self.settings)

    @property
    def settings(self) -> dict[str, dict]:
        """How each of them is made, as kafka-python's `create_topics` takes it."""
        return topic_settings(self.prefix)
