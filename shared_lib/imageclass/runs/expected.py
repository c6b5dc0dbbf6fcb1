"""Which of the predictions that a run expects have arrived."""

import time
from collections.abc import Collection, MutableMapping
from typing import Any

from imageclass.messages.headers import About, of_run
from imageclass.runs.progress import Progress
from imageclass.runs.submitted import SubmittedRun

#: By image name and agent, why the agent gave no prediction.
DeadLettered = MutableMapping[tuple[str, str], str]


class ExpectedPredictions:
    """Counts the predictions and dead letters for the images of a run, each once.

    Attributes:
        last_news: when the last new one was added, by `time.monotonic`.
    """

    def __init__(
        self,
        sent: SubmittedRun,
        predictions_topic: str,
        agents: Collection[str] | None,
        at_work: Collection[str],
        *,
        on_prediction: Progress | None,
        dead_lettered: DeadLettered,
    ) -> None:
        """Expect a prediction for each image from each agent.

        Args:
            sent: the run.
            predictions_topic: its full name; records of another topic are dead letters.
            agents: whose records count; by default everybody's.
            at_work: the names of the agents that are expected from the start; those that answer
                are expected too.
            on_prediction: called with (done, expected) after each new prediction or dead letter.
            dead_lettered: filled with the dead letters without a prediction.
        """
        self._run_id = sent.run_id
        self._names = {request: name for name, request in sent.requests.items()}
        self._predictions_topic = predictions_topic
        self._agents = agents
        self._expected = set(at_work)
        self._on_prediction = on_prediction
        self._dead_lettered = dead_lettered
        self._received: set[tuple[str, str]] = set()
        self._predicted: set[tuple[str, str]] = set()
        self.last_news = time.monotonic()

    @property
    def is_complete(self) -> bool:
        """Whether every expected agent has given a prediction or a dead letter for each image."""
        total = len(self._names) * len(self._expected)
        return bool(self._expected) and len(self._received) == total

    def add(self, record: Any) -> bool:
        """Take a kafka-python `ConsumerRecord`, and tell whether it is a prediction that counts."""
        about = of_run(record, self._run_id)
        if not about or (self._agents and about.agent not in self._agents):
            return False
        is_prediction = record.topic == self._predictions_topic
        names = [self._names[request] for request in about.requests if request in self._names]
        for name in names:
            self._add_one(name, about, is_prediction=is_prediction)
        return is_prediction and bool(names)

    def _add_one(self, name: str, about: About, *, is_prediction: bool) -> None:
        key = (name, about.agent)
        if key not in self._received:
            self.last_news = time.monotonic()
            self._received.add(key)
            self._expected.add(about.agent)
            if self._on_prediction:
                self._on_prediction(len(self._received), len(self._names) * len(self._expected))
        if is_prediction:
            self._predicted.add(key)
            self._dead_lettered.pop(key, None)
        elif key not in self._predicted:
            self._dead_lettered[key] = about.reason
