"""The edge: headers and HTTPS."""

import datetime
import http.client
import socket
import ssl

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.standins.engine import docker
from tests.support.paths import ROOT
from tests.support.stack import own_address
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# The edge


def test_answers_carry_the_edges_headers(stack):
    answer = requests.get(f"{stack.url}/hub/login", timeout=20)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "Server" not in answer.headers or "Caddy" not in answer.headers["Server"]
    assert "Strict-Transport-Security" not in answer.headers


def test_its_own_sentence_has_the_teams_name_whatever_that_is(stack):
    """Caddy alone, as `stack` made it: behind it is nobody."""
    name = 'Moss "lab" {$SITE} {env.SITE} <b>}'
    settings = stack.inspect("caddy")
    assert "TEAM_NAME=Mosshub" in settings["Config"]["Env"]
    environment = [f"--env={line}" for line in settings["Config"]["Env"]]
    container = docker(
        *("run", "--detach", "--rm", "--publish=127.0.0.1::80"),
        *(*environment, f"--env=TEAM_NAME={name}", f"--volume={ROOT}/docker/caddy:/etc/caddy:ro"),
        settings["Config"]["Image"],
    )
    try:
        url = f"http://{docker('port', container, '80').splitlines()[0]}"
        # In a list: an answer of status 503 is false.
        [answer] = retry_until(lambda: [requests.get(url, timeout=30)], 60, "Caddy answers")
    finally:
        docker("rm", "--force", container)
    assert answer.status_code == 503
    assert answer.text == f"{name} does not answer at the moment. Try again in a minute."
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def over_tls(
    address: str, ca: str, path: str, host: str = "mosshub.test"
) -> http.client.HTTPResponse:
    """The answer of a host at that address, whose certificate `ca` must vouch for."""
    trust = ssl.create_default_context(cadata=ca)
    plain = socket.create_connection((address, 443), timeout=20)
    with trust.wrap_socket(plain, server_hostname=host) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer


# To Compose, a service that was made with --no-deps is another one: `make up` would make it again.
BACK = ("up", "--detach", "--wait", "caddy")


def test_with_a_domain_it_speaks_https(stack):
    """Caddy's own authority; the address is one of this host's own, for this test alone."""
    address = own_address()
    changes = {"DOMAIN": "mosshub.test", "TLS": "internal", "BIND": address}
    start = ("up", "--detach", "--no-deps", "--wait", "caddy")
    try:
        stack.compose(*start, **changes)
        ports = stack.inspect("caddy")["HostConfig"]["PortBindings"]
        assert set(ports) == {"80/tcp", "443/tcp", "443/udp"}
        root = "/data/caddy/pki/authorities/local/root.crt"
        ca = retry_until(
            lambda: docker("exec", stack.container("caddy"), "cat", root), 30, "an authority"
        )
        answer = retry_until(
            lambda: over_tls(address, ca, "/hub/health"), 30, "HTTPS with a good certificate"
        )
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        plain = requests.get(
            f"http://{address}/hub/", headers={"Host": "mosshub.test"}, allow_redirects=False,
            timeout=10,
        )  # fmt: skip
        assert plain.status_code in (301, 308)
        assert plain.headers["Location"] == "https://mosshub.test/hub/"
    finally:
        stack.compose(*BACK)
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200


def self_signed(domain: str) -> tuple[bytes, bytes]:
    """Return a certificate for a domain and every name below it, and its key; both are PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(domain), x509.DNSName(f"*.{domain}")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), private


def test_with_a_certificate_of_the_admins(stack):
    """TLS=files: one certificate for the hub's host and the users'."""
    address = own_address()
    certificate, key = self_signed("mosshub.test")
    files = {"tls_certificate": certificate, "tls_key": key}
    start = ("up", "--detach", "--no-deps", "--wait", "caddy")
    try:
        for name, content in files.items():
            (stack.secrets / name).write_bytes(content)
        stack.compose(*start, DOMAIN="mosshub.test", TLS="files", BIND=address)
        for host in ("mosshub.test", "ada.mosshub.test"):
            answer = retry_until(
                lambda host=host: over_tls(address, certificate.decode(), "/hub/health", host),
                30,
                f"HTTPS of {host} with the admin's certificate",
            )
            assert answer.status == 200
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    finally:
        for name in files:
            (stack.secrets / name).unlink()
        stack.compose(*BACK)
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200
