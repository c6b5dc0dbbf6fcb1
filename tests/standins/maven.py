"""Packages of Maven Central, through jgo and the usual local repository (~/.m2)."""

from pathlib import Path

import jgo
from jgo.maven import PythonResolver


def jars(cache: Path, *coordinates: str) -> list[Path]:
    """All jars that the coordinates (group:artifact:version) need to run, in folder `cache`."""
    endpoint = "+".join(coordinates)
    return jgo.build(endpoint, cache_dir=cache, resolver=PythonResolver()).all_jars


def artifact(group: str, name: str, version: str, packaging: str) -> Path:
    """Path of one file of the repository, downloaded if it is not there yet."""
    context = jgo.MavenContext(resolver=PythonResolver(), timeout=120)
    component = context.project(group, name).at_version(version)
    return component.artifact(packaging=packaging).resolve()
