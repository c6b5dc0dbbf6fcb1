"""One request at a time, whatever becomes of it, and the newest offsets win."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from imageclass.agents import offset_committer
from imageclass.agents.offset_committer import OffsetCommitter


class Coordinator:
    """A consumer that writes down what it is asked, and answers when it is polled."""

    def __init__(self, tracked: OffsetCommitter) -> None:
        self.asked: list[tuple[int, bool]] = []
        self.answer: KafkaError | None = None
        self.refuses = False
        self._tracked = tracked

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        if self.refuses:
            raise KafkaException(KafkaError(KafkaError._STATE))
        self.asked.append((offsets[0].offset, asynchronous))

    def poll(self, timeout: float) -> None:
        self._tracked.on_commit(self.answer, [])


def place(offset: int) -> list[TopicPartition]:
    return [TopicPartition("requests", 0, offset)]


def test_the_next_request_waits_for_the_answer_to_the_last() -> None:
    tracked = OffsetCommitter()
    group = Coordinator(tracked)
    tracked.add(place(5))
    tracked.commit_if_due(group)  # type: ignore[arg-type]
    for offset in (6, 7):
        tracked.add(place(offset))
        tracked.commit_if_due(group)  # type: ignore[arg-type]
    assert group.asked == [(5, True)]
    tracked.commit_rest(group, timeout=10)  # type: ignore[arg-type]
    assert group.asked == [(5, True), (7, True)]


def test_what_failed_is_asked_again_unless_there_is_something_newer() -> None:
    tracked = OffsetCommitter()
    group = Coordinator(tracked)
    tracked.add(place(5))
    group.refuses = True
    tracked.commit_if_due(group)  # type: ignore[arg-type]
    group.refuses = False
    tracked.commit_if_due(group)  # type: ignore[arg-type]
    assert group.asked == []  # not at once
    tracked.on_commit(None, [])
    group.answer = KafkaError(KafkaError.NETWORK_EXCEPTION)
    tracked.commit_rest(group, timeout=0.1)  # type: ignore[arg-type]
    assert len(group.asked) > 1
    assert {offset for offset, _ in group.asked} == {5}


def test_what_is_forgotten_or_committed_at_once_is_not_asked_later() -> None:
    tracked = OffsetCommitter()
    group = Coordinator(tracked)
    tracked.add(place(5))
    tracked.commit_if_due(group)  # type: ignore[arg-type]
    tracked.add(place(6))
    tracked.commit_now(group)  # type: ignore[arg-type]
    assert group.asked == [(5, True), (6, False)]
    tracked.add(place(7))
    tracked.forget()
    tracked.on_commit(KafkaError(KafkaError.NETWORK_EXCEPTION), place(5))
    tracked.commit_rest(group, timeout=offset_committer.COMMIT_INTERVAL_S)  # type: ignore[arg-type]
    assert group.asked == [(5, True), (6, False)]
