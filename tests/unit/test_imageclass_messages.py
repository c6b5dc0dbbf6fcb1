"""The wire format: what goes out comes back, and nothing that does not fit gets through."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from imageclass.agents.micro_batch import decode_image
from imageclass.data import limits
from imageclass.data.image_files import image_encoding
from imageclass.messages import predictions, requests
from imageclass.messages.dead_letters import encode_dead_letter
from imageclass.messages.headers import InvalidMessage
from PIL import Image

IMAGE = np.arange(8 * 8, dtype=np.uint8).reshape(8, 8, 1)


def picture(kind: str, size: tuple[int, int] = (40, 20), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "white").convert(mode).save(file, kind)
    return file.getvalue()


def headers(**changes: str | None) -> list[tuple[str, bytes]]:
    fields: dict[str, str | None] = {
        "version": "1",
        "run": "r",
        "request": "q",
        "encoding": "raw",
        "shape": "8,8,1",
        "dtype": "uint8",
    }
    fields.update(changes)
    return [(name, value.encode()) for name, value in fields.items() if value is not None]


def test_raw_pixels_come_back_as_they_went() -> None:
    sent = requests.raw_request("run-1", "7", IMAGE, "digits")
    value, head = requests.encode_request(sent)
    assert value == IMAGE.tobytes()
    got = requests.decode_request(value, head)
    assert (got.run, got.request, got.dataset) == ("run-1", "7", "digits")
    np.testing.assert_array_equal(decode_image(got, (8, 8, 1)), IMAGE)


def test_a_request_has_no_place_for_the_label() -> None:
    _, head = requests.encode_request(requests.raw_request("r", "q", IMAGE, "digits"))
    assert {name for name, _ in head} == {
        "version", "run", "request", "encoding", "dataset", "shape", "dtype",
    }  # fmt: skip


def test_a_deadline_and_the_models_hash_come_back() -> None:
    sent = requests.raw_request("r", "q", IMAGE, deadline_ms=1_700_000_000_123)
    assert requests.decode_request(*requests.encode_request(sent)).deadline_ms == 1_700_000_000_123
    assert requests.decode_request(IMAGE.tobytes(), headers()).deadline_ms is None
    answer = predictions.Prediction("r", "q", "cnn", np.full(10, 0.1, np.float32), "0123456789ab")
    got = predictions.decode_prediction(*predictions.encode_prediction(answer))
    assert got.model == "0123456789ab"


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", mode) for mode in ("RGB", "L", "RGBA", "P", "1")]
    + [("JPEG", mode) for mode in ("RGB", "L", "CMYK")],
)
@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)])
def test_files_are_scaled_to_what_the_model_takes(
    kind: str, mode: str, shape: tuple[int, int, int]
) -> None:
    sent = requests.file_request("r", "q", picture(kind, mode=mode), kind.lower())
    got = requests.decode_request(*requests.encode_request(sent))
    image = decode_image(got, shape)
    assert (image.shape, image.dtype) == (shape, np.uint8)
    assert image.min() > 250  # white stays white


def test_headers_of_others_are_left_alone() -> None:
    extra = [("traceparent", b"\xff\xfe"), ("traceparent", b"twice")]
    assert requests.decode_request(IMAGE.tobytes(), headers() + extra).run == "r"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": None}, "'version' is missing"),
        ({"version": "2"}, "format version '2'"),
        ({"run": None}, "'run' is missing"),
        ({"request": ""}, "'request' is missing"),
        ({"request": "a b"}, "'request' is not an id"),
        ({"request": "x" * 129}, "'request' is not an id"),
        ({"dataset": "../etc"}, "'dataset' is not an id"),
        ({"deadline": "tomorrow"}, "deadline 'tomorrow' is not milliseconds"),
        ({"deadline": "-5"}, "deadline '-5' is not milliseconds"),
        ({"run": "x" * 2_000}, "'run' of 2000 bytes is too long"),
        ({"encoding": None}, "'encoding' is missing"),
        ({"encoding": "gif"}, "none of raw, png, jpeg"),
        ({"dtype": "float64"}, "not uint8"),
        ({"shape": None}, "'shape' is missing"),
        ({"shape": "8,8"}, "not height,width,channels"),
        ({"shape": "-8,-8,1"}, "not height,width,channels"),
        ({"shape": "8,8,5"}, "not height,width,channels"),
        ({"shape": "9999999999,8,1"}, "not height,width,channels"),
        ({"shape": "8,9,1"}, "needs 72 bytes, the message has 64"),
    ],
)
def test_wrong_headers_are_refused_with_the_reason(
    changes: dict[str, str | None], reason: str
) -> None:
    assert requests.decode_request(IMAGE.tobytes(), headers()).shape == (8, 8, 1)  # the near miss
    with pytest.raises(InvalidMessage, match=reason):
        requests.decode_request(IMAGE.tobytes(), headers(**changes))


def test_twofold_and_undecodable_headers_are_refused() -> None:
    with pytest.raises(InvalidMessage, match="'run' is there twice"):
        requests.decode_request(IMAGE.tobytes(), [*headers(), ("run", b"other")])
    with pytest.raises(InvalidMessage, match="'run' is not UTF-8"):
        requests.decode_request(IMAGE.tobytes(), [*headers(run=None), ("run", b"\xff")])
    with pytest.raises(InvalidMessage, match="missing"):
        requests.decode_request(IMAGE.tobytes(), [])


@pytest.mark.parametrize("value", [None, b""])
def test_an_empty_message_is_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidMessage, match="empty"):
        requests.decode_request(value, headers())


def test_an_image_for_another_model_is_refused() -> None:
    request = requests.decode_request(IMAGE.tobytes(), headers())
    with pytest.raises(InvalidMessage, match=r"\(8, 8, 1\), the model takes \(28, 28, 1\)"):
        decode_image(request, (28, 28, 1))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"rubbish", id="rubbish"),
        pytest.param(picture("PNG")[:60], id="cut off"),
        pytest.param(picture("JPEG")[:200], id="cut off jpeg"),
        pytest.param(picture("PNG", (6000, 5000), "1"), id="30 megapixels in 4 kB"),
    ],
)
def test_undecodable_images_are_refused(body: bytes) -> None:
    request = requests.decode_request(
        *requests.encode_request(requests.file_request("r", "q", body, image_encoding(body)))
    )
    with pytest.raises(InvalidMessage, match=r"undecodable|pixels"):
        decode_image(request, (28, 28, 1))


def test_a_png_that_says_it_is_a_jpeg_is_refused() -> None:
    request = requests.decode_request(picture("PNG"), headers(encoding="jpeg"))
    with pytest.raises(InvalidMessage, match="undecodable jpeg"):
        decode_image(request, (28, 28, 1))


def test_five_megabytes_are_refused_before_they_are_sent() -> None:
    with pytest.raises(limits.ImageTooLarge, match=r"5\.0 MB, .* 1\.0 MB"):
        requests.raw_request("r", "q", np.zeros((1250, 4000, 1), np.uint8))
    with pytest.raises(limits.ImageTooLarge):
        requests.file_request("r", "q", picture("PNG") + bytes(5_000_000), "png")
    with pytest.raises(InvalidMessage, match="more than the 1000000 allowed"):
        requests.decode_request(bytes(5_000_000), headers())


@pytest.mark.parametrize("image", [IMAGE / 255, IMAGE[..., 0]])
def test_only_pixels_can_be_sent(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        requests.raw_request("r", "q", image)
    with pytest.raises(ValueError, match="neither PNG nor JPEG"):
        image_encoding(b"GIF89a")
    with pytest.raises(ValueError, match="one of png, jpeg, not 'gif'"):
        requests.file_request("r", "q", b"GIF89a", "gif")


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
        (None, None, np.array([0.5, np.nan, 0.5], "<f4").tobytes()),
        (None, None, np.array([-1, 1, 1], "<f4").tobytes()),
        (None, None, b"abc"),
    ],
)
def test_wrong_predictions_are_refused(
    name: str | None, header: bytes | None, value: bytes | None
) -> None:
    good = predictions.Prediction("r", "q", "cnn", np.array([0.1, 0.7, 0.2], np.float32))
    body, head = predictions.encode_prediction(good)
    changed = [(key, header if key == name else old) for key, old in head]
    with pytest.raises(InvalidMessage):
        predictions.decode_prediction(value or body, changed)


def record(value: bytes | None, head: list[tuple[str, bytes | None]]) -> SimpleNamespace:
    return SimpleNamespace(topic="t", partition=2, offset=40, value=value, headers=head)


def test_a_dead_letter_keeps_the_message_and_tells_why() -> None:
    key, value, head = encode_dead_letter(record(b"body", [("run", b"\xff")]), "cnn", "no UTF-8")
    assert (key, value) == (b"t/2/40/cnn", b"body")
    assert dict(head) == {
        "run": b"\xff",
        "dead-letter.reason": b"no UTF-8",
        "dead-letter.agent": b"cnn",
        "dead-letter.origin": b"t/2/40",
        "dead-letter.size": b"4",
    }


def test_a_dead_letter_always_fits_into_a_message() -> None:
    huge = record(bytes(5_000_000), [("run", bytes(2_000_000)), ("note", None)])
    key, value, head = encode_dead_letter(huge, "cnn", "long " * 1_000)
    size = len(key) + len(value) + sum(len(name) + len(content) for name, content in head)
    assert size < 1_000
    assert dict(head)["dead-letter.size"] == b"5000000"
    assert dict(head)["dead-letter.incomplete"] == b"its value"
