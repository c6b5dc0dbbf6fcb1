"""What the lists of parts say of each part."""

import json
from pathlib import Path

import yaml

from supply import pin, sbom

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "sha256:" + "a" * 64


def test_the_proxys_packages_have_versions_and_hashes() -> None:
    lock = json.loads((ROOT / "hub/node/package-lock.json").read_text())
    parts = {part["name"]: part for part in sbom.npm_components(lock)}
    assert parts["configurable-http-proxy"]["purl"].startswith("pkg:npm/configurable-http-proxy@5.")
    assert parts["@colors/colors"]["purl"] == "pkg:npm/%40colors/colors@1.6.1"
    assert all(len(part["hashes"][0]["content"]) == 128 for part in parts.values())


def test_debians_packages_are_told_apart_by_version_and_architecture() -> None:
    (part,) = sbom.debian_components("bash\t5.2-1\tamd64\tbash\n")
    assert part["purl"] == "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-13"
    (part,) = sbom.debian_components("libc6\t2.41-12\tamd64\tglibc\n")
    assert part["purl"].endswith("&distro=debian-13&upstream=glibc")


def test_the_same_parts_make_the_same_document() -> None:
    parts = sbom.debian_components("b\t1\tall\tb\na\t1\tall\ta\n")
    first = sbom.document("mosshub/hub:local", parts)
    assert first == sbom.document("mosshub/hub:local", parts[::-1])
    assert first != sbom.document("mosshub/hub:local", parts[:1])
    assert (first["bomFormat"], first["specVersion"]) == ("CycloneDX", "1.5")


def test_every_image_that_is_built_has_a_list() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert [image for image in sbom.IMAGES if f"--tag {image} " not in makefile] == []
    assert makefile.count("--tag mosshub/") == len(sbom.IMAGES)


def test_images_of_others_get_a_digest_and_ours_do_not() -> None:
    text = "FROM debian:trixie-slim AS runtime\n  image: caddy:2.6.2 # edge\n  image: mosshub/x:y\n"
    pinned = pin.pinned(text, lambda image: DIGEST)
    assert f"FROM debian:trixie-slim@{DIGEST} AS runtime\n" in pinned
    assert f"  image: caddy:2.6.2@{DIGEST} # edge\n" in pinned
    assert "  image: mosshub/x:y\n" in pinned
    newer = "sha256:" + "b" * 64
    assert pin.pinned(pinned, lambda image: newer) == pinned.replace(DIGEST, newer)
    assert pin.pinned(text, lambda image: None) == text


def test_every_image_of_others_is_found() -> None:
    found: set[str] = set()

    def note(image: str) -> None:
        found.add(image)

    for path in pin.files():
        pin.pinned(path.read_text(), note)
    named = set()
    for path in (ROOT / "docker").glob("*.yaml"):
        services = yaml.safe_load(path.read_text().replace("!override", "")).get("services", {})
        named |= {service.get("image", "") for service in services.values()}
    others = {image for image in named if image and not image.startswith(("mosshub/", "$"))}
    assert found == others | {"debian:trixie-slim"}
    assert not [image for image in found if image.endswith(":latest")]
