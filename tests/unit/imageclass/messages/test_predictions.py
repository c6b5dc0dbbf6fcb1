"""The wire format of predictions."""

import numpy as np
import pytest
from imageclass.messages import predictions
from imageclass.messages.headers import InvalidMessage


def test_predictions_come_back_as_they_went() -> None:
    probabilities = np.array([0.1, 0.7, 0.2], np.float32)
    sent = predictions.Prediction("r", "q", "cnn", probabilities)
    got = predictions.decode_prediction(*predictions.encode_prediction(sent))
    assert (got.run, got.request, got.agent) == ("r", "q", "cnn")
    np.testing.assert_array_equal(got.probabilities, probabilities)


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("agent", None, None),
        ("classes", b"4", None),
        ("classes", b"0", None),
        ("dtype", b"float64", None),
        ("byteorder", b"big", None),
        ("dataset", b"two words", None),
        (None, None, np.array([0.5, np.nan, 0.5], "<f4").tobytes()),
        (None, None, np.array([-1, 1, 1], "<f4").tobytes()),
        (None, None, b"abc"),
    ],
)
def test_wrong_predictions_are_refused(
    name: str | None, header: bytes | None, value: bytes | None
) -> None:
    good = predictions.Prediction(
        "r", "q", "cnn", np.array([0.1, 0.7, 0.2], np.float32), dataset="digits"
    )
    body, head = predictions.encode_prediction(good)
    changed = [(key, header if key == name else old) for key, old in head]
    with pytest.raises(InvalidMessage):
        predictions.decode_prediction(value or body, changed)


def test_predictions_name_data_set_and_byte_order_and_old_ones_need_not() -> None:
    probabilities = np.array([0.1, 0.7, 0.2], np.float32)
    sent = predictions.Prediction("r", "q", "cnn", probabilities, "beef", "digits")
    body, head = predictions.encode_prediction(sent)
    assert dict(head)["byteorder"] == b"little"
    assert predictions.decode_prediction(body, head).dataset == "digits"
    of_before = [(name, value) for name, value in head if name not in ("dataset", "byteorder")]
    old = predictions.decode_prediction(body, of_before)
    assert (old.dataset, old.model) == ("", "beef")
    np.testing.assert_array_equal(old.probabilities, probabilities)


def test_the_predictions_for_several_images_come_back_one_by_one() -> None:
    rows = np.array([[0.1, 0.9], [0.7, 0.3]], np.float32)
    value, head = predictions.encode_prediction(
        predictions.Prediction("r", "a,b", "cnn", rows, "beef", "digits")
    )
    first, second = predictions.decode_predictions(value, head)
    assert (first.request, second.request, second.model) == ("a", "b", "beef")
    np.testing.assert_array_equal(second.probabilities, rows[1])
    with pytest.raises(InvalidMessage, match="2 classes of 2 images need 16 bytes, there are 12"):
        predictions.decode_predictions(value[:-4], head)
