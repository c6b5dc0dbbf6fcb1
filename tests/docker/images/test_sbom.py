"""The lists of `make sbom` say what is in the images, no more and no less."""

import json
import re

import pytest

from supply import sbom
from tests.support.images import HUB, USER, inside

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("built")]

INSTALLED = """
import importlib.metadata as m, json, re
print(json.dumps([[re.sub("[-_.]+", "-", d.name).lower(), d.version] for d in m.distributions()]))
"""


def test_debians_packages_are_those_of_the_image() -> None:
    parts = sbom.debian_packages(HUB)
    listed = inside(HUB, "dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n")
    assert [f"{part['name']} {part['version']}" for part in parts] == sorted(listed.splitlines())
    found = {part["name"]: part for part in parts}
    assert {"tini", "libc6", "dpkg"} <= found.keys()
    assert re.fullmatch(
        r"pkg:deb/debian/libc6@2\.41-\S+\?arch=\w+&distro=debian-13&upstream=glibc",
        found["libc6"]["purl"],
    )
    whole = sbom.document(HUB, sbom.locked_components(HUB) + parts)
    refs = [part["bom-ref"] for part in whole["components"]]
    assert len(set(refs)) == len(refs) > 200


@pytest.mark.parametrize("image", [HUB, USER])
def test_pythons_packages_are_those_of_the_image(image: str) -> None:
    installed = {tuple(one) for one in json.loads(inside(image, "python", "-", stdin=INSTALLED))}
    listed = {(c["name"], c["version"]) for c in sbom.python_components(sbom.IMAGES[image][0])}
    assert listed == installed


def test_an_image_that_is_not_there_has_no_packages() -> None:
    assert sbom.debian_packages("mosshub/no-such-image:local") == []
