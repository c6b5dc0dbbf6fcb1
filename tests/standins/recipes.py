"""What each stand-in is made of. The tag says the version that the packages hold."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import debian, maven

HERE = Path(__file__).parent
DEBIAN = "debian:trixie-slim"


@dataclass(frozen=True)
class Recipe:
    """A stand-in: its tag, the folder of its Dockerfile, build arguments, and what is downloaded.

    `base` is the tag it is built on; None for the Debian image, which debootstrap makes.
    `fetch(context, args)` puts downloads into the build context.
    """

    tag: str
    folder: Path | None = None
    base: str | None = DEBIAN
    args: dict[str, str] = field(default_factory=dict)
    fetch: Callable[[Path, dict[str, str]], None] | None = None

    def fingerprint(self) -> str:
        """Hash of everything the image is made of that this repository or this machine decides."""
        digest = hashlib.sha256(json.dumps([self.tag, self.args], sort_keys=True).encode())
        if self.base is None:
            digest.update(debian.fingerprint().encode())
        else:
            digest.update(RECIPES[self.base].fingerprint().encode())
        for path in sorted(self.folder.rglob("*")) if self.folder else []:
            if path.is_file():
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()


def kafka_jars(context: Path, args: dict[str, str]) -> None:
    version, log4j = args["KAFKA_VERSION"], args["LOG4J_VERSION"]
    libs = context / "libs"
    libs.mkdir()
    cache = context / ".jgo"
    for jar in maven.jars(
        cache,
        f"org.apache.kafka:kafka_2.13:{version}",
        # Named as well because a nearer path through kafka-tools asks for an old one.
        f"org.apache.kafka:kafka-clients:{version}",
        f"org.apache.kafka:kafka-tools:{version}",
        f"org.apache.logging.log4j:log4j-slf4j-impl:{log4j}",
    ):
        shutil.move(jar, libs)
    shutil.rmtree(cache)
    if not (libs / f"kafka-clients-{version}.jar").exists():
        raise RuntimeError(f"Maven resolved another kafka-clients than {version}; see {libs}")


def keycloak_distribution(context: Path, args: dict[str, str]) -> None:
    version = args["KEYCLOAK_VERSION"]
    archive = maven.artifact("org.keycloak", "keycloak-quarkus-dist", version, "zip")
    shutil.unpack_archive(archive, context, "zip")
    (context / f"keycloak-{version}").rename(context / "keycloak")
    for script in (context / "keycloak/bin").glob("*.sh"):
        script.chmod(0o775)  # the zip's own modes get lost in unpacking


RECIPES = {
    recipe.tag: recipe
    for recipe in (
        Recipe(DEBIAN, base=None),
        Recipe("caddy:2.6.2", HERE / "caddy", args={"CADDY_VERSION": "2.6.2"}),
        Recipe("haproxy:3.0.11", HERE / "haproxy", args={"HAPROXY_VERSION": "3.0.11"}),
        Recipe("nginx:1.26.3", HERE / "nginx", args={"NGINX_VERSION": "1.26.3"}),
        Recipe(
            "postgres:17.12",
            HERE / "postgres",
            args={"POSTGRES_MAJOR": "17", "POSTGRES_VERSION": "17.12"},
        ),
        Recipe(
            "apache/kafka:4.3.1",
            HERE / "kafka",
            args={"KAFKA_VERSION": "4.3.1", "LOG4J_VERSION": "2.25.3"},
            fetch=kafka_jars,
        ),
        Recipe(
            "quay.io/keycloak/keycloak:26.7.3",
            HERE / "keycloak",
            args={"KEYCLOAK_VERSION": "26.7.3"},
            fetch=keycloak_distribution,
        ),
    )
}
