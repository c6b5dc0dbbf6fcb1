"""Heartbeats: what is sent comes back, and what is none is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest
from imageclass.agents import heartbeat
from imageclass.agents.heartbeat import Heartbeat
from imageclass.agents.status import AgentStatus
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.heartbeats import FIELDS, HEARTBEAT_INTERVAL_S, decode_heartbeat
from mosshub_contract.topics import MAX_HEARTBEAT_BATCH_BYTES

STATUS = AgentStatus("cnn", "running", answered=40, max_wait=1, last_error="x" * 1_000)


class Clock:
    """Time that passes when a test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heartbeat, "time", clock)
    return clock


def test_a_heartbeat_has_every_field_of_the_status(clock: Clock) -> None:
    assert {field.name for field in fields(AgentStatus)} | {"instance", "topic", "rate"} == set(
        FIELDS
    )
    sent: list[tuple[bytes, bytes]] = []
    Heartbeat(lambda *message: sent.append(message), "cnn@here-1", "team.requests").send_if_due(
        STATUS
    )
    ((key, value),) = sent
    assert key == b"cnn@here-1"
    assert decode_heartbeat(value) == {
        **asdict(STATUS),
        "last_error": "x" * 300,
        "instance": "cnn@here-1",
        "topic": "team.requests",
        "rate": 0.0,
    }


@pytest.mark.parametrize("character", ["ä", "界", "🌲"])
def test_the_longest_heartbeat_fits_in_a_batch_of_its_topic(character: str) -> None:
    sent: list[tuple[bytes, bytes]] = []
    hash_, count = "f" * 128, 2**62
    counts = ("received", "answered", "rejected", "skipped", "expired", "errors", "lag")
    texts = dict.fromkeys(("model", "dataset", "canary"), hash_)
    error = character * 1_000
    status = AgentStatus(
        "a" * 100, "trying again", **dict.fromkeys(counts, count), **texts, last_error=error
    )
    Heartbeat(lambda *message: sent.append(message), "i" * 150, "t" * 249).send_if_due(status)
    ((key, value),) = sent
    assert decode_heartbeat(value)["last_error"] == character * 300
    of_the_batch = 61 + 20  # a batch's header, and lengths of the record
    assert of_the_batch + len(key) + len(value) < MAX_HEARTBEAT_BATCH_BYTES


def test_half_a_character_in_an_error_is_sent_as_before() -> None:
    sent: list[bytes] = []
    status = AgentStatus("cnn", "running", last_error="no file \udcff")
    Heartbeat(lambda _, value: sent.append(value), "i", "t").send_if_due(status)
    assert json.loads(sent[0])["last_error"] == "no file \udcff"


def test_a_heartbeat_is_due_after_a_while_or_when_more_than_counters_change(clock: Clock) -> None:
    sent: list[dict] = []
    sender = Heartbeat(lambda _, value: sent.append(decode_heartbeat(value)), "i", "t")
    sender.send_if_due(AgentStatus("cnn", "running"))
    clock.now += HEARTBEAT_INTERVAL_S / 2
    sender.send_if_due(AgentStatus("cnn", "running", answered=10))
    assert len(sent) == 1
    clock.now += HEARTBEAT_INTERVAL_S / 2
    sender.send_if_due(AgentStatus("cnn", "running", answered=30))
    assert [one["rate"] for one in sent] == [0.0, 10.0]
    sender.send_if_due(AgentStatus("cnn", "stopped", answered=30))
    assert [one["state"] for one in sent] == ["running", "running", "stopped"]


def test_fields_may_be_missing_or_unknown() -> None:
    known = {"name": "cnn", "instance": "i", "topic": "t", "state": "running"}
    fields = decode_heartbeat(json.dumps({**known, "of a later version": 1}).encode())
    assert fields == {**dict.fromkeys(FIELDS), **known}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"[" * 50_000,
        b"{}",
        b'{"name": "cnn", "instance": "i", "topic": "t", "state": null}',
        b'{"name": "cnn", "instance": "i", "topic": "t", "state": "running", "lag": "3"}',
        b'{"name": "cnn", "instance": "i", "topic": "t", "state": "running", "lag": true}',
        b" " * 200_000,
        # What JSON can say and a table cannot hold.
        b'{"name": "cnn", "instance": "\\ud800", "topic": "t", "state": "running"}',
        b'{"name": "cnn", "instance": "i", "topic": "t", "state": "running", "lag": 1e400}',
        b'{"name": "cnn", "instance": "i", "topic": "t", "state": "running", "lag": %d}' % 2**63,
        b'{"name": "cnn", "instance": "i", "topic": "t", "state": "running", "rate": NaN}',
        b'{"name": "cnn", "instance": "i", "topic": "t", "state": "running", "rate": 1%s}'
        % (b"0" * 400),
        # No agent has such a name.
        b'{"name": "\\u001b[2J", "instance": "i", "topic": "t", "state": "running"}',
    ],
)
def test_what_is_no_heartbeat_is_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidMessage, match="heartbeat"):
        decode_heartbeat(value)
