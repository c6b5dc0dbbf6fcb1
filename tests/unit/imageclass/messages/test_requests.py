"""The wire format of requests."""

import io

import numpy as np
import pytest
from imageclass.agents.micro_batch import decode_images
from imageclass.data import limits
from imageclass.data.image_files import image_encoding
from imageclass.messages import predictions, requests
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
    np.testing.assert_array_equal(decode_images(got, (8, 8, 1))[0], IMAGE)


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
    [image] = decode_images(got, shape)
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
        decode_images(request, (28, 28, 1))


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
        decode_images(request, (28, 28, 1))


def test_a_png_that_says_it_is_a_jpeg_is_refused() -> None:
    request = requests.decode_request(picture("PNG"), headers(encoding="jpeg"))
    with pytest.raises(InvalidMessage, match="undecodable jpeg"):
        decode_images(request, (28, 28, 1))


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


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(256, size=(count, 8, 8, 1), dtype=np.uint8)


def test_images_of_one_shape_share_a_message() -> None:
    sent = requests.raw_requests("r", ["q-1", "q-2", "q-3"], images(3), "digits")
    value, head = requests.encode_request(sent)
    assert ("request", b"q-1,q-2,q-3") in head
    got = requests.decode_request(value, head)
    assert (got.ids, got.count) == (("q-1", "q-2", "q-3"), 3)
    np.testing.assert_array_equal(decode_images(got, (8, 8, 1)), images(3))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"request": "a,b"}, "2 of shape 8,8,1 needs 128 bytes, the message has 192"),
        ({"request": "a,b,a"}, "an id twice"),
        ({"request": "a,,b"}, "something that is no id"),
        ({"request": "a,b,c d"}, "something that is no id"),
        ({"request": ",".join(f"q{n}" for n in range(129))}, "129 images in a message"),
        ({"request": ",".join(f"{n:0128}" for n in range(100))}, "is too long"),
        ({"request": "a,b,c", "encoding": "png"}, "one file cannot be 3 images"),
    ],
)
def test_a_message_of_several_images_must_fit_together(changes: dict, why: str) -> None:
    value = images(3).tobytes()
    assert requests.decode_request(value, headers(request="a,b,c")).count == 3
    with pytest.raises(InvalidMessage, match=why):
        requests.decode_request(value, headers(**changes))


def test_a_message_takes_no_more_images_than_agents_read() -> None:
    with pytest.raises(ValueError, match="128 images at most, not 129"):
        requests.raw_requests("r", [f"q{n}" for n in range(129)], images(129))
    with pytest.raises(ValueError, match=r"must be uint8 of shape \(2, height"):
        requests.raw_requests("r", ["a", "b"], images(3))
