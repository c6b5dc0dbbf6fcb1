"""Which model answers, and that each request gets its own rows back."""

import numpy as np
from imageclass.agents.canary import Canary, Serving
from imageclass.messages.requests import raw_requests


class Shifted:
    """Gives an image's first pixel as the only probability, and a number of its own more."""

    image_shape = (2, 2, 1)

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return images[:, 0, 0, :].astype(np.float32) / 256 + self.shift


def test_each_request_gets_the_rows_of_its_own_images() -> None:
    generator = np.random.default_rng(1)
    images = generator.integers(256, size=(60, 2, 2, 1), dtype=np.uint8)
    ends = [1, 4, 9, 20, 21, 40, 60]
    requests = [
        raw_requests("r", [f"q{n}" for n in range(start, end)], images[start:end])
        for start, end in zip([0, *ends], ends, strict=False)
    ]
    canary = Canary(Shifted(1.0), 0.5, "new")
    expected = [canary.takes(request.request) for request in requests]
    assert any(expected) and not all(expected)
    for tried in (None, canary):
        serving = Serving(Shifted(0.0), "", "old", tried)
        rows, models = serving.predict(requests, images)
        assert models == ["new" if tried and take else "old" for take in expected]
        for request, row, model in zip(requests, rows, models, strict=True):
            assert request.pixels is not None
            shift = 1.0 if model == "new" else 0.0
            np.testing.assert_allclose(row, request.pixels[:, 0, 0, :] / 256 + shift)
