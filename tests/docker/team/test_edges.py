"""Everything works behind Caddy, and the same behind nginx, which has the certificate then."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from websockets.exceptions import InvalidHandshake

from tests.standins import ensure
from tests.standins.engine import docker
from tests.support.containers import Container, Containers
from tests.support.kernels import Notebook
from tests.support.members import Team
from tests.support.paths import DOCKER
from tests.support.smoke import Smoke
from tests.support.stack import DOMAIN, Stack

pytestmark = pytest.mark.timeout(1800)
NGINX = "nginx:1.26.3"
MIB = 1024 * 1024


def make_certificate(directory: Path) -> Path:
    """Make a certificate for the domain and every name below it; return its file."""
    certificate = directory / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-keyout", directory / "key.pem", "-out", certificate, "-subj", f"/CN={DOMAIN}"),
            *("-addext", f"subjectAltName=DNS:{DOMAIN},DNS:*.{DOMAIN}"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate


@contextmanager
def behind_nginx(stack: Stack, containers: Containers, directory: Path) -> Iterator[Container]:
    """nginx on the host with the example's configuration; only names and addresses differ."""
    ensure(NGINX)
    text = (DOCKER / "nginx/mosshub.conf").read_text()
    for ours, example in (
        (DOMAIN, "moss.example.org"),
        (f"127.0.0.1:{stack.port}", "127.0.0.1:8000"),
        (f"listen {stack.bind}:80;", "listen 80;"),
        (f"listen {stack.bind}:443 ssl;", "listen 443 ssl;"),
    ):
        assert example in text
        text = text.replace(example, ours)
    (directory / "mosshub.conf").write_text(text)
    certificate, trusted = make_certificate(directory), stack.authority
    up = stack.script("up", TLS="elsewhere", BUILD="no")
    try:
        assert up.returncode == 0, up.stdout[-4000:]
        assert f"Mosshub is at https://{DOMAIN}" in up.stdout
        running = containers.run(
            "--network=host",
            f"--volume={directory}:/etc/ssl/mosshub:ro",
            f"--volume={directory / 'mosshub.conf'}:/etc/nginx/conf.d/mosshub.conf:ro",
            NGINX,
        )
        stack.authority = certificate
        yield running
        docker("rm", "-f", "-v", running.name)
    finally:
        stack.authority = trusted
        back = stack.script("up", BUILD="no")
        assert back.returncode == 0, back.stdout[-4000:]


@pytest.fixture(params=["caddy", "nginx"])
def edge(
    request: pytest.FixtureRequest, stack: Stack, containers: Containers, tmp_path: Path
) -> Iterator[Container | None]:
    """What has ports 80 and 443: Caddy, or nginx in a container."""
    if request.param == "caddy":
        yield None
        return
    with behind_nginx(stack, containers, tmp_path) as nginx:
        yield nginx


def test_the_platform_works_behind_each_edge(
    stack: Stack, edge: Container | None, smoke: Smoke
) -> None:
    with Team(stack).at_work("ada") as ada:
        # Sign-in went over the hub's host, the provider and the user's host.
        assert ada.origin == f"https://ada.{DOMAIN}"
        names = {cookie.name for cookie in ada.session.cookies}
        assert {name for name in names if name.startswith("__Host-")}, names
        name = f"edge-{uuid.uuid4().hex[:6]}"
        assert ada.upload(f"{name}.bin", b"x" * 20 * MIB).ok
        size = ada.inside("stat", "-c", "%s", f"/home/mosshub/notebooks/{name}.bin")
        assert int(size) == 20 * MIB
        assert ada.upload(f"{name}.py", b"import marimo\n\napp = marimo.App()\n").ok
        notebook = Notebook(ada, f"{name}.py")
        assert notebook.run("print(6 * 7)").strip() == "42"
        notebook.socket.close()
        # Refused: nginx on a busy machine once closed the connection and did not pass the 403 on.
        with pytest.raises(InvalidHandshake):
            ada.websocket(f"ws?session_id=s_x&file={name}.py", origin=f"https://{DOMAIN}")
        ada.inside("sh", "-c", f"rm /home/mosshub/notebooks/{name}.*")
        # A user's host shows nothing of the hub.
        cors = {"Sec-Fetch-Mode": "cors"}
        page = stack.session().get(f"{ada.origin}/hub/api/", headers=cors, timeout=30)
        assert page.status_code == 404, page.text
        smoke.run(stack, ada)
        assert smoke.status == 0, smoke.said + smoke.error
    plain = requests.get(f"http://{DOMAIN}/hub/login?a=b", allow_redirects=False, timeout=30)
    assert plain.headers["Location"] == f"https://{DOMAIN}/hub/login?a=b"
    # A browser that says where it comes from is not believed.
    lying = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example.org"}
    page = stack.session().get(f"https://{DOMAIN}/hub/login", headers=lying, timeout=30)
    assert page.ok and "evil.example.org" not in page.text
    if edge is not None:
        logged = edge.exec("cat", "/var/log/nginx/mosshub.log")
        assert "/hub/oauth_callback" in logged
        assert "code=" not in logged and "?" not in logged
