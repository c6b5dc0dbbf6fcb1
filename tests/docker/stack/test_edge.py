"""The edge: headers and HTTPS."""

import http.client
import socket
import ssl
import uuid

import pytest
import requests

from tests.standins.engine import docker
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# The edge


def test_answers_carry_the_edges_headers(stack):
    answer = requests.get(f"{stack.url}/hub/login", timeout=20)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "Server" not in answer.headers or "Caddy" not in answer.headers["Server"]
    assert "Strict-Transport-Security" not in answer.headers


def over_tls(address: str, ca: str, path: str) -> http.client.HTTPResponse:
    """The answer of mosshub.test at that address, whose certificate `ca` must vouch for."""
    trust = ssl.create_default_context(cadata=ca)
    plain = socket.create_connection((address, 443), timeout=20)
    with trust.wrap_socket(plain, server_hostname="mosshub.test") as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: mosshub.test\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer


def test_with_a_domain_it_speaks_https(stack):
    """Caddy's own authority; the address is one of this host's own, for this test alone."""
    address = f"127.0.0.{64 + uuid.uuid4().int % 128}"
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
        stack.compose(*start)
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200
