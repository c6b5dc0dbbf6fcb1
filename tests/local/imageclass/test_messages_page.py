"""docs/messages.md is enough: a program with librdkafka and that page sends and reads."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
from imageclass.agents import registry
from imageclass.kafka.connection import Connection

from tests.support import messages_page
from tests.support.agents import Linear
from tests.support.paths import ROOT


def test_a_program_that_has_only_librdkafka_and_the_page_sends_and_reads(
    connection: Connection,
) -> None:
    model = Linear()
    agent = registry.start_agent(connection, "cnn", model, dataset="digits", version="beef")
    agent.wait_until_running()
    command = [sys.executable, "-P", messages_page.__file__, ROOT / "docs" / "messages.md"]
    done = subprocess.run(
        [*command, connection.bootstrap_servers[0], connection.topics.prefix],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    probabilities = model(np.zeros((1, 8, 8, 1), np.uint8))[0]
    said = json.loads(done.stdout)
    assert said["prediction"] == str(probabilities.argmax())
    assert abs(said["sum"] - 1) < 1e-5
    assert said["reason"] == "shape 8,8,1 needs 64 bytes, the message has 9"
    assert said["modules of ours"] == []
