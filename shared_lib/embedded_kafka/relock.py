"""Rewrites `jars.lock`: `python -m embedded_kafka.relock` after changing KAFKA_VERSION.

For developers. It resolves Kafka's dependency tree and one log binding with jgo's Python resolver
(about a minute with the download) and replaces the lock file beside this module.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from embedded_kafka.jars import KAFKA_VERSION, file_sha256


def resolve(repository: Path) -> list[str]:
    """Return the lock file's lines for KAFKA_VERSION, downloading into the Maven `repository`."""
    context = MavenContext(resolver=PythonResolver(), repo_cache=repository, timeout=30)

    def resolved(coordinates: list[str]) -> list:
        roots = [context.create_dependency(coordinate) for coordinate in coordinates]
        inputs, transitive = context.resolver.resolve(roots)
        return [dependency.artifact for dependency in inputs + transitive]

    kafka = resolved([f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"])
    # Kafka logs through SLF4J 1.7 and brings log4j, but nothing that joins the two.
    log4j = next(a.version for a in kafka if a.artifactId == "log4j-core")
    binding = context.project("org.apache.logging.log4j", "log4j-slf4j-impl").at_version(log4j)

    lines = []
    for artifact in [*kafka, binding.artifact()]:
        path = artifact.resolve()
        coordinate = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        lines.append(f"{file_sha256(path)} {path.stat().st_size} {coordinate}")
    return lines


def main() -> None:
    """Resolve and replace the lock file."""
    with tempfile.TemporaryDirectory() as repository:
        lines = resolve(Path(repository))
    header = f"# Apache Kafka {KAFKA_VERSION}: sha256, bytes, coordinate. Written by relock.py.\n"
    target = Path(__file__).with_name("jars.lock")
    target.write_text(header + "\n".join(lines) + "\n", "utf-8")
    print(f"{target}: {len(lines)} jars")


if __name__ == "__main__":
    main()
