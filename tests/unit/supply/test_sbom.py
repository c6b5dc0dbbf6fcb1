"""What the lists of parts say of each part."""

import json
import re
from pathlib import Path

import pytest

from supply import sbom
from tests.unit.supply.programs import Program

ROOT = Path(__file__).resolve().parents[3]


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


#: What makes each image what it is.
OWN = {
    "mosshub/hub:local": {"jupyterhub-kubespawner", "dockerspawner", "configurable-http-proxy"},
    "mosshub/backup:local": {"jupyterhub", "psycopg"},
    "mosshub/user:cpu": {"marimo", "imageclass", "kafka-python"},
    "mosshub/user:gpu": {"marimo", "tensorflow", "nvidia-cudnn-cu12"},
}


@pytest.mark.parametrize("image", sbom.IMAGES)
def test_each_image_lists_what_it_installs_of_the_locks_and_nothing_twice(image: str) -> None:
    parts = sbom.locked_components(image)
    assert all(part["name"] and part["version"] for part in parts)
    names = [part["name"] for part in parts]
    assert OWN[image] <= set(names)
    assert not {"pywin32", "pywinpty", "aiodns", "pytest"} & set(names), "no image has these"
    assert names.count("numpy") <= 1, "of two versions each Python takes one"
    debian = sbom.debian_components("bash\t5.2-1\tamd64\tbash\nnumpy\t1\tamd64\tnumpy\n")
    refs = [part["bom-ref"] for part in sbom.document(image, parts + debian)["components"]]
    assert len(set(refs)) == len(refs) == len(parts) + 2


def test_the_lists_take_what_the_images_take_of_uv_lock() -> None:
    taken = set()
    for path in (ROOT / "images").glob("*/Dockerfile"):
        for command in re.findall(r"uv sync ((?:.*\\\n)*)", path.read_text()):
            options = re.findall(r"--(?:package|extra) \S+", command)
            taken.add(" ".join(options))
    assert taken == {" ".join(selection) for selection, _ in sbom.IMAGES.values()}


def test_a_lock_that_uv_does_not_read_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    Program(tmp_path, "uv").answers("export", err="error: no `uv.lock`\n", status=2)
    with pytest.raises(SystemExit, match=r"sbom: uv cannot export uv\.lock: error: no `uv\.lock`"):
        sbom.python_components(("--package", "mosshub"))


def test_make_sbom_writes_a_file_for_each_image_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sbom, "OUT", tmp_path / "sbom")
    monkeypatch.setattr(sbom, "ROOT", tmp_path)
    monkeypatch.setattr(sbom, "locked_components", lambda image: [])
    docker = Program(tmp_path, "docker")
    docker.answers("dpkg-query", err="Unable to find image\n", status=125)
    docker.answers("mosshub/hub:local", "bash\t5.2-1\tamd64\tbash\n")
    assert sbom.main() == 0
    files = {path.name: json.loads(path.read_text()) for path in (tmp_path / "sbom").iterdir()}
    assert set(files) == {f"{re.sub('[/:]', '-', image)}.cdx.json" for image in sbom.IMAGES}
    (part,) = files["mosshub-hub-local.cdx.json"]["components"]
    assert part["purl"].startswith("pkg:deb/debian/bash@5.2-1")
    hub, *others = capsys.readouterr().out.splitlines()
    assert hub == "sbom/mosshub-hub-local.cdx.json: 1 parts"
    assert all("0 parts; without Debian's packages: this machine" in line for line in others)
    command = " ".join(docker.calls[0].arguments)
    assert "--network none --entrypoint dpkg-query mosshub/hub:local --show" in command


def test_every_image_that_is_built_has_a_list() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert [image for image in sbom.IMAGES if f"--tag {image} " not in makefile] == []
    assert makefile.count("--tag mosshub/") == len(sbom.IMAGES)
