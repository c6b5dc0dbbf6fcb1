"""marimo's program in a few files (`images/user/bundle`), as the image of a user has it."""

import json

import pytest

from tests.standins.engine import docker
from tests.support.images import USER

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("built")]

LOOK = r"""
import json, pathlib, re
static, = pathlib.Path("/opt/mosshub/venv/lib").glob("python3*/site-packages/marimo/_static")
assets, bundle = static / "assets", json.loads((static / "bundle.json").read_text())
ours = sorted(file.name for file in assets.glob("bundle-*.js"))
imported = re.compile("(?:from|import)[(]?[\"'`][.]/([^\"'`]+[.]js)[\"'`]")
uses = {name: imported.findall((assets / name).read_text()) for name in ours}
lost = {name: sorted(set(names) - set(ours)) for name, names in uses.items()}
print(json.dumps({
    "bundle": bundle,
    "ours": ours,
    "lost": {name: names for name, names in lost.items() if names},
    "imports": sum(map(len, uses.values())),
    "gone": [name for name in bundle["replaced"] if not (assets / name).is_file()],
    "packed": [file.name for file in assets.glob("*.br")],
}))
"""


def test_it_is_whole_and_small_and_marimos_own_files_are_still_there() -> None:
    found = json.loads(docker("run", "--rm", "--entrypoint=python", USER, "-c", LOOK))
    bundle, packed = found["bundle"], set(found["packed"])
    assert len(bundle["replaced"]) > 500 and found["imports"] > 500
    # A bundle imports the bundle alone: a second React beside the first would break every page.
    assert found["lost"] == {}
    # Exports to HTML name them.
    assert found["gone"] == []
    for name in (*bundle["page"][1:], *bundle["editor"][:-1]):
        assert f"{name}.br" in packed, name
    assert not {f"{name}.br" for name in bundle["replaced"]} & packed
    assert len(bundle["page"]) + len(bundle["editor"]) < 30
