"""The embedded broker's jars: the lock file, the download and what it does when that goes wrong."""

from __future__ import annotations

import functools
import hashlib
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_kafka import KAFKA_VERSION, BrokerError
from embedded_kafka.jars import MIRROR_VARIABLE, Jar, class_path, locked_jars, parse_lock
from embedded_kafka.port import choose_port

CONTENT = {"one-1.0.jar": b"first" * 1000, "two-2.0.jar": b"second" * 3000}


def jar(name: str) -> Jar:
    artifact, version = name.removesuffix(".jar").split("-")
    data = CONTENT[name]
    return Jar("org.example", artifact, version, hashlib.sha256(data).hexdigest(), len(data))


JARS = [jar(name) for name in CONTENT]


class Repository:
    """A Maven repository on 127.0.0.1 that remembers which jars were asked for."""

    def __init__(self, root: Path, certificate: Path | None = None) -> None:
        self.root, self.asked = root, []
        for one in JARS:
            path = self.path(one)
            path.parent.mkdir(parents=True)
            path.write_bytes(CONTENT[one.filename])
        repository = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                if self.path.endswith(".jar"):
                    repository.asked.append(Path(self.path).name)

        handler = functools.partial(Handler, directory=str(root))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://localhost:{self.server.server_port}/maven2"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def path(self, one: Jar) -> Path:
        return self.root / "maven2/org/example" / one.artifact / one.version / one.filename


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    repository = Repository(tmp_path / "repository")
    monkeypatch.setenv(MIRROR_VARIABLE, repository.url)
    yield repository
    repository.server.shutdown()


def test_own_lock_is_the_stated_version_with_a_log_binding() -> None:
    jars = {one.artifact: one for one in locked_jars()}
    assert jars["kafka_2.13"].version == KAFKA_VERSION
    assert jars["log4j-slf4j-impl"].version == jars["log4j-core"].version
    assert sum(one.size for one in jars.values()) < 60_000_000


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("abc 5 g:a:1", "line 2"),
        (f"{'0' * 62} 5 g:a:1", "not a SHA-256"),
        (f"{'0' * 64} five g:a:1", "line 2"),
        (f"{'0' * 64} 5 g:a", "line 2"),
        (f"{'0' * 64} 5 g:kept:1", "twice"),
    ],
)
def test_a_wrong_lock_line_is_named(line: str, reason: str) -> None:
    good = f"{'a' * 64} 5 g:kept:1"
    assert [one.coordinate for one in parse_lock(f"# comment\n{good} # why\n")] == ["g:kept:1"]
    with pytest.raises(ValueError, match=reason):
        parse_lock(f"{good}\n{line}\n")


def test_downloads_once_and_in_order(repository: Repository, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    paths = class_path(cache, JARS)
    assert [path.name for path in paths] == list(CONTENT)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert sorted(repository.asked) == sorted(CONTENT)
    assert class_path(cache, JARS) == paths
    assert len(repository.asked) == 2, "a warm start must not ask the network"
    assert sorted(path.name for path in cache.iterdir()) == sorted(CONTENT), "something was left"


def test_a_damaged_jar_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    first, _ = class_path(tmp_path / "cache", JARS)
    first.write_bytes(b"x" * JARS[0].size)  # the right size, the wrong content
    class_path(tmp_path / "cache", JARS)
    assert first.read_bytes() == CONTENT[first.name]
    assert repository.asked.count(first.name) == 2


def test_a_tampered_download_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.path(JARS[1]).write_bytes(b"y" * JARS[1].size)
    with pytest.raises(BrokerError, match=r"two:2\.0 from .* is not the file that jars.lock names"):
        class_path(tmp_path / "cache", JARS)
    assert not (tmp_path / "cache" / JARS[1].filename).exists()


def test_a_jar_that_is_not_there_is_named(repository: Repository, tmp_path: Path) -> None:
    repository.path(JARS[0]).unlink()
    with pytest.raises(BrokerError, match=r"one:1\.0 is not at http://localhost"):
        class_path(tmp_path / "cache", JARS)


def test_no_network_says_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{choose_port(0)}")
    with pytest.raises(BrokerError, match=r"needs the internet once.*KAFKA_BOOTSTRAP_SERVERS"):
        class_path(tmp_path / "cache", JARS)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match="XDG_CACHE_HOME"):
        class_path(tmp_path / "file" / "cache", JARS)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_companys_certificate(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "company.pem"
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(certificate), "-out", str(tmp_path / "cert.pem")]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(["openssl", "req", *options, *files, *subject], check=True, capture_output=True)
    with certificate.open("ab") as both:
        both.write((tmp_path / "cert.pem").read_bytes())
    repository = Repository(tmp_path / "repository", certificate)
    monkeypatch.setenv(MIRROR_VARIABLE, repository.url)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BrokerError, match=r"certificate is not trusted.*REQUESTS_CA_BUNDLE"):
        class_path(tmp_path / "cache", JARS)
    monkeypatch.setenv(variable, str(tmp_path / "cert.pem"))
    assert len(class_path(tmp_path / "cache", JARS)) == 2
    repository.server.shutdown()
