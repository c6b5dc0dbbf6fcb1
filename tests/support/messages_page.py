"""A program that knows docs/messages.md and librdkafka, and nothing of ours.

python messages_page.py PAGE BOOTSTRAP_SERVERS PREFIX

It sends the example of a request, waits for the prediction and prints what it read as JSON.
"""

from __future__ import annotations

import json
import re
import struct
import sys
import time
from pathlib import Path

Row = dict[str, str]


def tables(text: str) -> dict[str, list[list[Row]]]:
    """Return the tables of a page by the heading that they are under; cells without backquotes."""
    found: dict[str, list[list[Row]]] = {}
    heading, head, code = "", [], False
    for line in text.splitlines():
        code ^= line.startswith("```")
        if code:
            continue
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if not line.startswith("|"):
            head = []
            continue
        if set(line) <= set("|- "):
            continue
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if not head:
            head = cells
            found.setdefault(heading, []).append([])
        else:
            found[heading][-1].append(dict(zip(head, cells, strict=True)))
    return found


def check(headers: dict[str, bytes], rows: list[Row]) -> None:
    """Assert that a message has all headers of a table and no others, each in its form."""
    by_name = {row["header"]: row for row in rows}
    assert set(headers) <= set(by_name), f"not on the page: {set(headers) - set(by_name)}"
    for name, row in by_name.items():
        if name in headers:
            assert re.fullmatch(row["form"], headers[name].decode()), (name, headers[name])
        else:
            assert row["needed"] != "yes", f"{name} is missing"


def main() -> None:
    from confluent_kafka import Consumer, Producer

    page, servers, prefix = sys.argv[1:]
    by_heading = tables(Path(page).read_text("utf-8"))
    request = {row["header"]: row["example"] for row in by_heading["Requests"][0]}
    classes = {row["data set"]: row["classes, from 0 on"] for row in by_heading["Predictions"][1]}
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"{prefix}page",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([f"{prefix}predictions", f"{prefix}dead-letters"])
    producer = Producer({"bootstrap.servers": servers})
    height, width, channels = map(int, request["shape"].split(","))
    pixels = bytes(height * width * channels)
    for value in (pixels, b"too short"):  # the second becomes a dead letter
        producer.produce(
            f"{prefix}requests", value, request["request"], headers=dict(request.items())
        )
    producer.flush(30)
    said: dict[str, object] = {}
    deadline = time.monotonic() + 60
    while not said.keys() >= {"prediction", "reason"} and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None or message.error():
            continue
        headers = dict(message.headers())
        if message.topic() == f"{prefix}predictions":
            check(headers, by_heading["Predictions"][0])
            numbers = struct.unpack(f"<{int(headers['classes'])}f", message.value())
            assert message.key() == headers["request"]
            names = classes[headers["dataset"].decode()].split(", ")
            said["prediction"] = names[numbers.index(max(numbers))]
            said["sum"] = sum(numbers)
        else:
            own = {name: value for name, value in headers.items() if name.startswith("dead-")}
            check(own, by_heading["Dead letters"][0])
            rest = {name: value.decode() for name, value in headers.items() if name not in own}
            assert rest == request
            said["reason"] = headers["dead-letter.reason"].decode()
    consumer.close()
    said["modules of ours"] = sorted(n for n in sys.modules if n.startswith(("imageclass", "hub")))
    print(json.dumps(said))


if __name__ == "__main__":
    main()
