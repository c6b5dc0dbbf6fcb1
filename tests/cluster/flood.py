"""Keeps the team's agents busy and counts who was answered. Runs as a user, in their server.

python flood.py AGENT WAITING SECONDS

WAITING messages are always unanswered, until SECONDS after the first answer, or until somebody
makes the file ~/enough. Then every answer is waited for, and what was counted is printed as JSON.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import imageclass
from imageclass.data import datasets
from imageclass.kafka.connection import Connection
from imageclass.kafka.reader import TopicReader
from imageclass.messages.headers import ids_of
from imageclass.messages.predictions import decode_prediction
from imageclass.messages.requests import encode_request, raw_requests

STOP = Path.home() / "enough"
IMAGES = 32  # in a message, as the judge has them in a large run
QUIET_TIMEOUT_S = 120.0


class Flood:
    """Requests to one agent's group, and the answers to them.

    Attributes:
        sent: messages that were sent.
        answers: how often each was answered, by its number.
        strange: answers to something else.
        by_second: images that were answered, by the second since 1970 at which they were.
        dead: messages on the topic of dead letters since then.
    """

    def __init__(self, connection: Connection, agent: str) -> None:
        self.agent, self.run = agent, uuid.uuid4().hex
        self._topics = connection.topics
        self._digits = datasets.load("digits")
        self._reader = TopicReader(
            connection, [self._topics.predictions, self._topics.dead_letters], newest=0
        )
        self._producer = connection.producer()
        self.sent = self.strange = 0
        self.answers: Counter[int] = Counter()
        self.by_second: Counter[int] = Counter()
        self.dead = 0

    @property
    def waiting(self) -> int:
        """Messages that were sent and are not answered."""
        return self.sent - len(self.answers)

    def send(self, messages: int) -> None:
        images = self._digits.test_images[:IMAGES]
        for number in range(self.sent, self.sent + messages):
            ids = ids_in(number)
            value, headers = encode_request(raw_requests(self.run, ids, images, "digits"))
            self._producer.send(
                self._topics.requests, key=ids[0].encode(), value=value, headers=headers
            )
        self._producer.flush()
        self.sent += messages

    def read(self) -> None:
        """Count the answers that have come."""
        for record in self._reader.poll(0.1):
            if record.topic == self._topics.dead_letters:
                self.dead += 1
                continue
            prediction = decode_prediction(record.value, record.headers)
            if (prediction.run, prediction.agent) != (self.run, self.agent):
                continue
            ids = list(ids_of(prediction.request))
            number = int(ids[0]) // IMAGES
            if number >= self.sent or ids != ids_in(number):
                self.strange += 1
            else:
                self.answers[number] += 1
                self.by_second[record.timestamp // 1000] += IMAGES

    def keep_waiting(self, messages: int, seconds: float) -> None:
        """Send so that so many messages wait, until it is time to end."""
        until = 0.0
        while not STOP.exists() and (not until or time.monotonic() < until):
            self.send(max(0, messages - self.waiting))
            self.read()
            if self.answers and not until:
                until = time.monotonic() + seconds

    def read_rest(self) -> None:
        """Read until everything is answered, or nothing has come for long."""
        news = time.monotonic()
        while self.waiting and time.monotonic() < news + QUIET_TIMEOUT_S:
            before = len(self.answers)
            self.read()
            if len(self.answers) > before:
                news = time.monotonic()


def ids_in(message: int) -> list[str]:
    """Return the ids of the images in a message."""
    return [str(number) for number in range(message * IMAGES, (message + 1) * IMAGES)]


def main(agent: str, messages: int, seconds: float) -> None:
    STOP.unlink(missing_ok=True)
    flood = Flood(imageclass.connect(prefix="team."), agent)
    flood.keep_waiting(messages, seconds)
    flood.read_rest()
    counts = {
        "sent": flood.sent * IMAGES,
        "lost": flood.waiting * IMAGES,
        "strange": flood.strange,
        "twice": sum(times > 1 for times in flood.answers.values()) * IMAGES,
        "dead": flood.dead,
        "by_second": flood.by_second,
    }
    print(json.dumps(counts))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
