"""With TLS=elsewhere nginx has the certificate, and everything works behind it."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.standins import ensure
from tests.standins.engine import docker
from tests.support.containers import Container, Containers
from tests.support.kernels import Notebook
from tests.support.members import Team, TeamMember
from tests.support.paths import DOCKER
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


@pytest.fixture
def nginx(stack: Stack, containers: Containers, tmp_path: Path) -> Iterator[Container]:
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
    (tmp_path / "mosshub.conf").write_text(text)
    certificate, trusted = make_certificate(tmp_path), stack.authority
    up = stack.script("up", TLS="elsewhere", BUILD="no")
    try:
        assert up.returncode == 0, up.stdout[-4000:]
        assert f"Mosshub is at https://{DOMAIN}" in up.stdout
        running = containers.run(
            "--network=host",
            f"--volume={tmp_path}:/etc/ssl/mosshub:ro",
            f"--volume={tmp_path / 'mosshub.conf'}:/etc/nginx/conf.d/mosshub.conf:ro",
            NGINX,
        )
        stack.authority = certificate
        yield running
        docker("rm", "-f", "-v", running.name)
    finally:
        stack.authority = trusted
        back = stack.script("up", BUILD="no")
        assert back.returncode == 0, back.stdout[-4000:]


def upload(member: TeamMember, name: str, content: bytes) -> requests.Response:
    return member.session.post(
        member.base + "api/files/create",
        data={"path": "/home/mosshub/notebooks", "type": "file", "name": name},
        files={"file": (name, content)},
        headers={"Origin": member.origin, "Marimo-Server-Token": member.skew_token()},
        timeout=120,
    )


def test_the_platform_works_behind_nginx(stack: Stack, nginx: Container) -> None:
    with Team(stack).at_work("ada") as ada:
        # Sign-in went over the hub's host, the provider and the user's host.
        assert ada.origin == f"https://ada.{DOMAIN}"
        names = {cookie.name for cookie in ada.session.cookies}
        assert {name for name in names if name.startswith("__Host-")}, names
        name = f"nginx-{uuid.uuid4().hex[:6]}"
        assert upload(ada, f"{name}.bin", b"x" * 20 * MIB).ok
        size = ada.inside("stat", "-c", "%s", f"/home/mosshub/notebooks/{name}.bin")
        assert int(size) == 20 * MIB
        assert upload(ada, f"{name}.py", b"import marimo\n\napp = marimo.App()\n").ok
        notebook = Notebook(ada, f"{name}.py")
        assert notebook.run("print(6 * 7)").strip() == "42"
        notebook.socket.close()
        ada.inside("sh", "-c", f"rm /home/mosshub/notebooks/{name}.*")
    plain = requests.get(f"http://{DOMAIN}/hub/login?a=b", allow_redirects=False, timeout=30)
    assert plain.headers["Location"] == f"https://{DOMAIN}/hub/login?a=b"
    # A browser that says where it comes from is not believed.
    lying = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example.org"}
    page = stack.session().get(f"https://{DOMAIN}/hub/login", headers=lying, timeout=30)
    assert page.ok and "evil.example.org" not in page.text
    logged = nginx.exec("cat", "/var/log/nginx/mosshub.log")
    assert "/hub/oauth_callback" in logged
    assert "code=" not in logged and "?" not in logged
