"""Images of others have exact names, and `make pin` finds all of them."""

import re
from pathlib import Path

import pytest
import yaml

from supply import pin
from tests.standins import RECIPES
from tests.unit.supply.programs import Program

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "sha256:" + "a" * 64
#: Tags that are no full version, each with the reason.
MAY_MOVE = {"debian:trixie-slim": "a suite: each build takes Debian's fixes, until `make pin`"}
#: How a full version looks, where it has not three numbers.
FULL = {"postgres": r"\d+\.\d+"}  # since its 10, a release has two


def chart_images() -> dict[str, str]:
    values = yaml.safe_load((ROOT / "kubernetes/chart/values.yaml").read_text())
    images = {name: image for name, image in values["images"].items() if isinstance(image, str)}
    return {name: image for name, image in images.items() if name != "pullPolicy"}


def named() -> set[str]:
    """Return the images of others in docker/ and the chart, as a reader of YAML sees them."""
    found = set(chart_images().values())
    for path in (ROOT / "docker").glob("*.yaml"):
        services = yaml.safe_load(path.read_text().replace("!override", "")).get("services", {})
        found |= {service.get("image", "") for service in services.values()}
    return {image for image in found if image and not image.startswith(("mosshub/", "$"))}


def found_by_pin() -> set[str]:
    found: set[str] = set()

    def note(image: str) -> None:
        found.add(image)

    for path in pin.files():
        pin.pinned(path.read_text(), note)
    return found


def test_images_of_others_get_a_digest_and_ours_do_not() -> None:
    text = "FROM debian:trixie-slim AS runtime\n  image: caddy:2.6.2 # edge\n  image: mosshub/x:y\n"
    pinned = pin.pinned(text, lambda image: DIGEST)
    assert f"FROM debian:trixie-slim@{DIGEST} AS runtime\n" in pinned
    assert f"  image: caddy:2.6.2@{DIGEST} # edge\n" in pinned
    assert "  image: mosshub/x:y\n" in pinned
    newer = "sha256:" + "b" * 64
    assert pin.pinned(pinned, lambda image: newer) == pinned.replace(DIGEST, newer)
    assert pin.pinned(text, lambda image: None) == text


def test_every_image_of_others_is_found_also_the_charts() -> None:
    assert len(chart_images()) == 4 and "caddy:2.6.2" in named()
    assert found_by_pin() == {image.partition("@")[0] for image in named()} | set(MAY_MOVE)


def test_every_image_of_others_has_a_full_version() -> None:
    def moves(image: str) -> bool:
        name, _, version = image.partition(":")
        return not re.fullmatch(FULL.get(name, r"v?\d+\.\d+\.\d+"), version)

    assert {image for image in found_by_pin() if moves(image)} == set(MAY_MOVE)


def test_stand_ins_have_the_same_versions() -> None:
    """What the tests run is what an installation pulls; nginx is somebody's own, in front."""
    standins = {tag.partition(":")[0]: tag for tag in RECIPES}
    named_too = {image for image in found_by_pin() if image.partition(":")[0] in standins}
    assert named_too == set(RECIPES) - {standins["nginx"]}


def test_make_pin_writes_what_registries_say_and_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("images:\n  kafka: apache/kafka:4.3.1\n  caddy: caddy:2.6.2 # the edge\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pin, "files", lambda: [values])
    docker = Program(tmp_path, "docker")
    docker.answers("caddy:2.6.2", err="ERROR: failed to do request: no such host\n", status=1)
    docker.answers("apache/kafka:4.3.1", f"{DIGEST}\n")
    assert pin.main() == 0
    assert values.read_text() == (
        f"images:\n  kafka: apache/kafka:4.3.1@{DIGEST}\n  caddy: caddy:2.6.2 # the edge\n"
    )
    assert "caddy:2.6.2 stays as it is: its registry was not reached" in capsys.readouterr().out
    assert docker.calls[0].arguments[:4] == [
        "buildx",
        "imagetools",
        "inspect",
        "apache/kafka:4.3.1",
    ]
