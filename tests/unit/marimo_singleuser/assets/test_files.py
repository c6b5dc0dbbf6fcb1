"""Which form of one of marimo's files a browser gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from marimo_singleuser.assets.files import ENCODINGS, find_asset

from tests.support.paths import ROOT

NAME = "assets/index-s-M1OXjs.js"


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A page's directory with one script in three forms, and a picture in one."""
    (tmp_path / "assets").mkdir()
    for suffix in ("", *ENCODINGS.values()):
        (tmp_path / f"{NAME}{suffix}").write_text(suffix or "plain")
    (tmp_path / "assets/logo-s-M1OXjs.png").write_text("picture")
    return tmp_path


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0.001", "gzip"),
        ("br;q=0.0,gzip; q=0", ""),
        ("identity", ""),
        ("", ""),
        ("*", ""),
        ("brotli, xgzip", ""),
    ],
)
def test_the_best_that_the_browser_takes(static: Path, accepted: str, encoding: str) -> None:
    asset = find_asset(static, NAME, accepted)
    assert asset and asset.encoding == encoding
    assert asset.path.read_text() == ENCODINGS.get(encoding, "plain")
    assert asset.content_type == "text/javascript; charset=utf-8"


def test_what_has_one_form_is_sent_in_that(static: Path) -> None:
    asset = find_asset(static, "assets/logo-s-M1OXjs.png", "gzip, br")
    assert asset and (asset.encoding, asset.content_type) == ("", "image/png")
    assert find_asset(static, "assets/gone-s-M1OXjs.js", "gzip, br") is None


def test_the_image_has_them_smaller_and_whole(tmp_path: Path) -> None:
    """`compress` runs when the image is built; here with a brotli that only turns bytes round."""
    (tmp_path / "brotli.py").write_text(
        "def compress(content, **_):\n    return content[: len(content) // 2][::-1]\n"
    )
    assets = tmp_path / "env/lib/python3.13/site-packages/marimo/_static/assets"
    assets.mkdir(parents=True)
    (assets / "a.js").write_text("let a = 1;\n" * 100)
    (assets / "b.js").write_bytes(os.urandom(1000))  # gets no smaller by gzip
    (assets / "c.png").write_text("c" * 1000)
    (assets / "d.js").write_text("let d = 1;\n" * 100)  # in the bundle now
    bundle = {"page": ["a.js"], "editor": [], "replaced": ["d.js"]}
    (assets.parent / "bundle.json").write_text(json.dumps(bundle))
    program = [sys.executable, ROOT / "images/user/compress", tmp_path / "env"]
    said = subprocess.run(
        program,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        text=True,
        capture_output=True,
    )
    assert said.stdout == "compress: 2 kB before, 1 kB after\n"
    names = sorted(file.name for file in assets.iterdir())
    assert names == ["a.js", "a.js.br", "a.js.gz", "b.js", "b.js.br", "c.png", "d.js"]
