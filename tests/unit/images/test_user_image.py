"""What the environment of the gpu image says to NVIDIA's runtime and to TensorFlow."""

import re

from tests.support.paths import ROOT


def environment(stage: str) -> dict[str, str]:
    """Return what a stage of the Dockerfile sets with ENV."""
    lines = (ROOT / "images/user/Dockerfile").read_text().replace("\\\n", " ").splitlines()
    begin = next(n for n, line in enumerate(lines) if line.endswith(f" AS {stage}"))
    found: dict[str, str] = {}
    for line in lines[begin + 1 :]:
        if line.startswith("FROM "):
            break
        if line.startswith("ENV "):
            found |= dict(re.findall(r"(\w+)=(\S+)", line))
    return found


def test_the_gpu_image_has_no_gpu_that_nobody_gave_it() -> None:
    """With `all` each container has every card where NVIDIA's runtime is the engine's default."""
    gpu = environment("gpu")
    assert gpu["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert gpu["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"


def test_tensorflow_takes_as_much_of_a_card_as_it_needs() -> None:
    assert environment("gpu")["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
