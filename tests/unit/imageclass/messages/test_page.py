"""docs/messages.md says what the codecs do."""

from __future__ import annotations

import re

import numpy as np
import pytest
from embedded_kafka.properties import MESSAGE_MAX_BYTES
from imageclass.data.dataset import CLASS_NAMES
from imageclass.data.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from imageclass.kafka.codecs import MAX_BATCH_BYTES
from imageclass.messages import dead_letters, headers, heartbeats, predictions, requests, verdicts
from imageclass.messages.dead_letters import Record, encode_dead_letter
from imageclass.messages.headers import InvalidMessage
from mosshub_contract.topics import MAX_HEARTBEAT_BATCH_BYTES, SETTINGS

from tests.support.messages_page import Row, check, tables
from tests.support.paths import ROOT

PAGE = tables((ROOT / "docs" / "messages.md").read_text("utf-8"))
REQUEST, PREDICTION, DEAD_LETTER = (
    PAGE[name][0] for name in ("Requests", "Predictions", "Dead letters")
)
PIXELS = bytes(64)


def examples(rows: list[Row]) -> dict[str, bytes]:
    return {row["header"]: row["example"].encode() for row in rows}


def test_topics_are_those_that_are_made() -> None:
    partitions = {row["topic"]: int(row["partitions"]) for row in PAGE["Topics"][0]}
    assert partitions == {name: one["num_partitions"] for name, one in SETTINGS.items()}


def test_what_is_written_has_the_headers_of_the_page() -> None:
    image = np.zeros((8, 8, 1), np.uint8)
    _, head = requests.encode_request(requests.raw_request("r", "q", image, "digits", 5))
    assert set(dict(head)) == set(examples(REQUEST))
    check(dict(head), REQUEST)
    _, head = requests.encode_request(requests.file_request("r", "q", b"x", "png"))
    check(dict(head), REQUEST)
    row = np.full(10, 0.1, np.float32)
    _, head = predictions.encode_prediction(
        predictions.Prediction("r", "q", "cnn", row, "beef", "digits")
    )
    assert set(dict(head)) == set(examples(PREDICTION))
    check(dict(head), PREDICTION)
    record = Record("t", 2, 40, bytes(2_000_000), [])
    _, _, head = encode_dead_letter(record, "cnn", "it is too large")
    assert set(dict(head)) == set(examples(DEAD_LETTER))
    check(dict(head), DEAD_LETTER)


@pytest.mark.parametrize("name", examples(REQUEST))
def test_a_request_needs_what_the_page_says(name: str) -> None:
    (row,) = (row for row in REQUEST if row["header"] == name)
    requests.decode_request(PIXELS, examples(REQUEST).items())
    without = {key: value for key, value in examples(REQUEST).items() if key != name}
    wrong = {**examples(REQUEST), name: b"\xc3\xa4 !"}
    with pytest.raises(InvalidMessage, match=re.escape(name)):
        requests.decode_request(PIXELS, wrong.items())
    if row["needed"] == "no":
        requests.decode_request(PIXELS, without.items())
    else:
        with pytest.raises(InvalidMessage, match=f"'{name}' is missing"):
            requests.decode_request(PIXELS, without.items())
    if row["needed"] == "raw only":
        of_a_file = {key: value for key, value in without.items() if key not in ("shape", "dtype")}
        requests.decode_request(b"x", {**of_a_file, "encoding": b"jpeg"}.items())


@pytest.mark.parametrize("name", examples(PREDICTION))
def test_a_prediction_needs_what_the_page_says(name: str) -> None:
    (row,) = (row for row in PREDICTION if row["header"] == name)
    value = np.full(10, 0.1, "<f4").tobytes()
    predictions.decode_prediction(value, examples(PREDICTION).items())
    without = {key: content for key, content in examples(PREDICTION).items() if key != name}
    if row["needed"] == "no":
        predictions.decode_prediction(value, without.items())
    else:
        with pytest.raises(InvalidMessage, match=f"'{name}' is missing"):
            predictions.decode_prediction(value, without.items())


def test_classes_are_those_of_the_data_sets() -> None:
    classes = {
        row["data set"]: tuple(row["classes, from 0 on"].split(", "))
        for row in PAGE["Predictions"][1]
    }
    assert classes == dict(CLASS_NAMES)


def test_fields_of_json_are_those_of_the_codecs() -> None:
    verdict, answer = PAGE["Verdicts"]
    assert [row["field"] for row in verdict] == ["version", *verdicts._VERDICT_FIELDS]
    assert [row["field of an answer"] for row in answer] == list(verdicts._ANSWER_FIELDS)
    (beats,) = PAGE["Heartbeats"]
    types = {"text": str, "integer": int, "number": float, "boolean": bool}
    written = {row["field of a heartbeat"]: types[row["type"]] for row in beats}
    assert list(written.items()) == list(heartbeats.FIELDS.items())
    assert tuple(written)[:4] == heartbeats._REQUIRED


def test_limits_are_those_of_the_code() -> None:
    written = {row["limit"]: int(row["value"].replace(",", "")) for row in PAGE["Limits"][0]}
    assert written == {
        "bytes of an image, as sent": MAX_IMAGE_BYTES,
        "pixels of a PNG or JPEG file": MAX_IMAGE_PIXELS,
        "bytes of a header that this page names": headers._MAX_HEADER_BYTES,
        "classes of a prediction": predictions._MAX_CLASSES,
        "bytes of headers that a dead letter keeps": dead_letters.MAX_DEAD_LETTER_HEADER_BYTES,
        "bytes of a batch, as sent": MESSAGE_MAX_BYTES,
        "bytes of a batch of heartbeats, as sent": MAX_HEARTBEAT_BATCH_BYTES,
        "bytes of a batch, decompressed": MAX_BATCH_BYTES,
    }
    text = (ROOT / "docs" / "messages.md").read_text("utf-8")
    assert f"every {heartbeats.HEARTBEAT_INTERVAL_S:.0f} s" in text
    assert f"older than {heartbeats.DEAD_AFTER_S:.0f} s" in text


def test_the_python_example_is_a_program() -> None:
    text = (ROOT / "docs" / "messages.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(program, "messages.md", "exec")
    for name in re.findall(r'"(version|run|request|encoding|shape|dtype)":', program):
        assert name in examples(REQUEST)
