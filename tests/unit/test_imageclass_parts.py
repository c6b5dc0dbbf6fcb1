"""Parts of imageclass that need no broker: imports, connection, models, training, verdicts."""

import subprocess
import sys

import numpy as np
import pytest
from imageclass import charts, connection, models, training
from imageclass.agent import Agent
from imageclass.datasets import load
from imageclass.messages import InvalidMessage, Prediction
from imageclass.verdicts import SCHEMA, Asked, Verdicts, judged

DIGITS = load("digits")


def test_nothing_imports_tensorflow_before_it_is_used() -> None:
    program = (
        "import importlib, pkgutil, sys, imageclass\n"
        "names = [m.name for m in pkgutil.iter_modules(imageclass.__path__)]\n"
        "for name in names: importlib.import_module(f'imageclass.{name}')\n"
        "print(len(names), 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    count, *imported = done.stdout.split()
    assert int(count) >= 10
    assert imported == ["False", "False"]


def test_topics_are_the_persons_in_the_hub_and_the_teams_outside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOSSHUB_TOPIC_PREFIX", "ada.")
    assert connection.Topics().requests == "ada.requests"
    assert connection.Topics().group("cnn") == "ada.agent.cnn"
    monkeypatch.delenv("MOSSHUB_TOPIC_PREFIX")
    assert connection.Topics().all == (
        "team.requests", "team.predictions", "team.verdicts", "team.dead-letters",
        "team.second-opinions", "team.agents",
    )  # fmt: skip


def test_no_broker_set_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with pytest.raises(connection.NoBroker, match="set KAFKA_BOOTSTRAP_SERVERS"):
        connection.connect()


def test_a_broker_that_is_away_is_waited_for_and_named() -> None:
    said: list[str] = []
    with pytest.raises(connection.NoBroker, match=r"127\.0\.0\.1:1 does not answer"):
        connection.connect("127.0.0.1:1", timeout=3, on_wait=said.append)
    assert said
    assert "Waiting for the broker at 127.0.0.1:1" in said[0]


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3)])
def test_the_cnn_takes_raw_pixels_of_every_data_set(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, *shape)).astype(np.uint8)
    model = models.build_cnn(shape, 10, seed=5)
    probabilities = np.asarray(model(images))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    same = np.asarray(models.build_cnn(shape, 10, seed=5)(images))
    np.testing.assert_array_equal(probabilities, same)
    assert not np.array_equal(probabilities, np.asarray(models.build_cnn(shape, 10, 6)(images)))


def test_images_too_small_for_the_cnn_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 1\) are too small"):
        models.build_cnn((2, 2, 1), 10)


@pytest.mark.parametrize("count", [0, 1, 2, 16, 17, 64, 65, 200])
def test_padding_and_slicing_change_no_answer(count: int) -> None:
    model = models.build_cnn((8, 8, 1), 10, seed=1)
    images = DIGITS.test_images[:count]
    answers = models.CompiledClassifier(model, batch_size=64)(images)
    assert answers.shape == (count, 10)
    if count:
        np.testing.assert_allclose(answers, np.asarray(model(images)), atol=1e-5)


def train_once(seed: int) -> tuple[list[training.Epoch], float, list[tuple[int, int]]]:
    model = models.build_cnn(DIGITS.image_shape, 10, seed=seed)
    steps: list[tuple[int, int]] = []
    history = training.train(
        model,
        DIGITS,
        epochs=3,
        batch_size=32,
        seed=seed,
        on_batch=lambda done, total: steps.append((done, total)),
    )
    return history, training.evaluate(model, DIGITS), steps


def test_training_learns_reports_and_repeats() -> None:
    history, accuracy, steps = train_once(seed=3)
    assert accuracy > 0.9
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert history[-1].loss < history[0].loss
    total = training.total_batches(len(DIGITS.train_images), 3, 32)
    assert steps == [(done, total) for done in range(1, total + 1)]
    again, accuracy_again, _ = train_once(seed=3)
    assert accuracy_again == pytest.approx(accuracy, abs=0.005)
    assert again[-1].loss == pytest.approx(history[-1].loss, rel=0.01)


@pytest.mark.parametrize("numbers", [(0, 32, None), (1, 0, None), (1, 32, 1), (1, 32, 10**6)])
def test_numbers_that_make_no_sense_are_refused(numbers: tuple[int, int, int | None]) -> None:
    epochs, batch_size, num_images = numbers
    model = models.build_cnn(DIGITS.image_shape, 10)
    with pytest.raises(ValueError, match="must be"):
        training.train(model, DIGITS, epochs=epochs, batch_size=batch_size, num_images=num_images)


@pytest.mark.parametrize("name", ["", "a b", "ü", "x" * 101])
def test_an_agents_name_must_fit_into_a_groups(name: str) -> None:
    nowhere = connection.Connection(("127.0.0.1:1",), connection.Topics("t."))
    Agent(nowhere, "cnn-1.b_2", lambda images: images)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="An agent's name"):
        Agent(nowhere, name, lambda images: images)  # type: ignore[arg-type]


def verdicts() -> Verdicts:
    asked = {f"q{n}": Asked(index=n, label=n % 10, sent_ms=1000.0) for n in range(4)}
    return Verdicts("r", DIGITS, ("cnn", "other"), asked)


def prediction(request: str, agent: str, number: int, classes: int = 10) -> Prediction:
    return Prediction("r", request, agent, np.eye(classes, dtype=np.float32)[number])


def test_answers_are_judged_by_the_judges_own_labels() -> None:
    row = judged(prediction("q3", "cnn", 3), 1012.0, verdicts())
    assert row == {
        "request_id": "q3", "agent": "cnn", "index": 3, "label": 3, "predicted": 3,
        "confidence": 1.0, "correct": True, "latency_ms": 12.0,
    }  # fmt: skip
    assert list(row) == list(SCHEMA)
    assert judged(prediction("q3", "stranger", 3), 1012.0, verdicts()) is None
    for wrong in (prediction("q9", "cnn", 3), prediction("q3", "cnn", 3, classes=5)):
        with pytest.raises(InvalidMessage):
            judged(wrong, 1012.0, verdicts())


def test_the_summary_counts_what_is_missing_and_charts_what_is_there() -> None:
    found = verdicts()
    rows = [judged(prediction(f"q{n}", "cnn", min(n, 2)), 1000.0 + n, found) for n in range(4)]
    found.frame = found.frame.extend(type(found.frame)(rows[1:], schema=SCHEMA))
    found.duplicates = {"cnn": 2}
    assert found.missing == 5
    cnn, other = found.summary().to_dicts()
    assert (cnn["answered"], cnn["missing"], cnn["duplicates"], cnn["correct"]) == (3, 1, 2, 2)
    assert cnn["accuracy"] == pytest.approx(2 / 3)
    assert cnn["latency_p50_ms"] == 2.0
    assert (other["answered"], other["missing"], other["accuracy"]) == (0, 4, None)
    drawn = charts.right_and_wrong(found).to_dict()
    (data,) = drawn["datasets"].values()
    assert {(bar["label"], bar["answer"], bar["images"]) for bar in data} == {
        ("1", "right", 1), ("2", "right", 1), ("3", "wrong", 1),
    }  # fmt: skip
