"""Calls to the Docker API proxy, sent from the hub's container as the hub sends them."""

from __future__ import annotations

import json

from tests.support.stack import Stack

_PROGRAM = """
import http.client, json, sys
answers = []
for method, path, body in json.load(sys.stdin):
    proxy = http.client.HTTPConnection("engine", 2375, timeout=60)
    data = None if body is None else body if isinstance(body, str) else json.dumps(body)
    proxy.request(method, path, data, {"Content-Type": "application/json"})
    answer = proxy.getresponse()
    answers.append([answer.status, answer.read().decode(errors="replace")])
print(json.dumps(answers))
"""


def call_engine(stack: Stack, *calls: tuple) -> list[tuple[int, str]]:
    """Return status and text of the answer to each call (method, path and, if any, body)."""
    full = [(*call, None)[:3] for call in calls]
    return [tuple(a) for a in json.loads(stack.in_hub(_PROGRAM, json.dumps(full)))]
