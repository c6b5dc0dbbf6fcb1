"""Packages of Maven Central, through jgo and the usual local repository (~/.m2)."""

import tempfile
from pathlib import Path

import jgo
from jgo.maven import PythonResolver


def jars(*coordinates: str) -> list[Path]:
    """All jars that the coordinates (group:artifact:version) need at run time."""
    with tempfile.TemporaryDirectory(prefix="mosshub-jgo-") as cache:
        environment = jgo.build(
            "+".join(coordinates), cache_dir=Path(cache), resolver=PythonResolver()
        )
        # The environment's own jars are links that go with `cache`; the repository's stay.
        return [Path(jar).resolve() for jar in environment.all_jars]


def artifact(group: str, name: str, version: str, packaging: str) -> Path:
    """Path of one file of the repository, downloaded if it is not there yet."""
    context = jgo.MavenContext(resolver=PythonResolver(), timeout=120)
    component = context.project(group, name).at_version(version)
    return component.artifact(packaging=packaging).resolve()
