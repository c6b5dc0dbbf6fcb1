"""`make configure` with answers on standard input: what it writes, what it says, what it leaves."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.configure import DOCKER, Dialogue

GITHUB = ["github", "client", "ada", "acme", ""]
SIZES = ["", ""]
SECRET = "what-github-gave"


@pytest.fixture
def dialogue(tmp_path: Path) -> Dialogue:
    return Dialogue(tmp_path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_answers_become_settings_and_nothing_else_changes(dialogue: Dialogue) -> None:
    done = dialogue.configure("", *GITHUB, "3G", "7", "yes", "y", SECRET)
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = {
        "OAUTH_PROVIDER": "github",
        "OAUTH_CLIENT_ID": "client",
        "ADMIN_USERS": "ada",
        "ALLOWED_GROUPS": "acme",
        "MEMORY_LIMIT": "3G",
        "ACTIVE_SERVER_LIMIT": "7",
        "MONITORING": "yes",
    }
    expected = (DOCKER / ".env.example").read_text()
    for name, value in wanted.items():
        assert dialogue.value(name) == [value]
        expected = expected.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    assert dialogue.settings.read_text() == expected
    assert dialogue.settings.stat().st_mode & 0o777 == 0o600
    assert (dialogue.secrets / "oauth_client_secret").read_text() == SECRET
    assert SECRET not in done.stdout + done.stderr + dialogue.settings.read_text()
    assert "http://localhost:8000/hub/oauth_callback" in done.stdout
    assert not list(dialogue.settings.parent.glob("settings.*"))


def test_the_hub_takes_what_it_writes(dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.settings import Settings

    dialogue.configure("-", "oidc", "https://id.example.org", "c", "ada, bob", "", "", *SIZES)
    assert not dialogue.settings.exists(), "the answers ended before the last question"
    answers = ["oidc", "https://127.0.0.1:1", "c", "ada, bob", "", "", "", "", "no", "y", SECRET]
    done = dialogue.configure("", *answers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "does not answer. Is the address right?" in done.stdout
    assert dialogue.value("ADMIN_USERS") == ['"ada, bob"']
    known = {name.upper() for name in Settings.model_fields}
    lines = re.findall(r'(?m)^([A-Z_]+)="?([^"\n]+)"?$', dialogue.settings.read_text())
    for name, value in lines:
        if name in known:
            monkeypatch.setenv(name, value)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    assert Settings().admins == {"ada", "bob"}


def test_it_overwrites_nothing_without_asking(dialogue: Dialogue) -> None:
    dialogue.settings.write_text("DOMAIN=\nOAUTH_PROVIDER=gitlab\nMINE=kept\n")
    before = dialogue.settings.read_text()
    for answers in (["n"], [], ["y", "", *GITHUB, *SIZES, "no", "n"], ["y", "", "github"]):
        done = dialogue.configure(*answers)
        assert done.returncode == 1
        assert dialogue.settings.read_text() == before
        assert not list(dialogue.settings.parent.glob("settings.*"))
    done = dialogue.configure("y", "", "", "client", "ada", "", "", *SIZES, "no", "y", "")
    assert done.returncode == 0, done.stdout + done.stderr
    assert dialogue.value("OAUTH_PROVIDER") == ["gitlab"], "an empty answer keeps what is there"
    assert dialogue.value("MINE") == ["kept"]
    assert dialogue.settings.with_name("settings.before").read_text() == before


def test_a_wrong_answer_is_explained_and_asked_again(dialogue: Dialogue) -> None:
    address = ["https://no", ""]
    provider = ["myspace", "github", 'cl"ient', "client"]
    people = ["", "", "", "ada", "", ""]
    sizes = ["lots", "4G", "many", "4G", "3"]
    done = dialogue.configure(*address, *provider, *people, *sizes, "no", "y", "")
    assert done.returncode == 0, done.stdout + done.stderr
    for sentence in (
        "Letters, digits, hyphens and dots only.",
        "'myspace' is none of these.",
        "No quotation marks",
        "Nobody could sign in",
        "'lots' is no amount such as 4G.",
        "'many' is no number.",
    ):
        assert sentence in done.stdout
    assert dialogue.value("OAUTH_CLIENT_ID") == ["client"]


def test_it_looks_whether_the_host_can_do_it(
    dialogue: Dialogue, tmp_path: Path, taken_port: int
) -> None:
    rest = [*GITHUB, "8G", "2", "no", "n"]
    taken = dialogue.configure("", *rest, PORT=str(taken_port)).stdout
    assert f"Another program listens on port {taken_port}." in taken
    name = "no-such-name.invalid"
    unknown = dialogue.configure(name, *rest).stdout
    assert f"{name} has no address." in unknown
    assert f"check--mosshub.{name} has no address." in unknown
    assert f"https://{name}/hub/oauth_callback" in unknown
    small = tmp_path / "proc"
    small.mkdir()
    (small / "meminfo").write_text("MemTotal:        4096000 kB\n")
    assert "too little for the platform" in dialogue.configure("", *rest, PROC=str(small)).stdout
    (small / "meminfo").write_text("MemTotal:        16384000 kB\n")
    assert "18432 MB are needed" in dialogue.configure("", *rest, PROC=str(small)).stdout


def test_a_domain_needs_the_ports_of_https(dialogue: Dialogue, tmp_path: Path) -> None:
    net = tmp_path / "proc" / "net"
    net.mkdir(parents=True)
    (net.parent / "meminfo").write_text("MemTotal:        16384000 kB\n")
    head = "  sl  local_address rem_address   st\n"
    http = "   0: 00000000:0050 00000000:0000 0A\n"
    https = "   1: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A\n"
    talks = "   2: 0100007F:01BB 0100007F:9C40 01\n"  # established; nobody listens with it

    def said(tcp: str, tcp6: str) -> str:
        (net / "tcp").write_text(head + tcp)
        (net / "tcp6").write_text(head + tcp6)
        rest = [*GITHUB, *SIZES, "no", "n"]
        return dialogue.configure("no-such-name.invalid", *rest, PROC=str(net.parent)).stdout

    both = said(http, https)
    assert "! Another program listens on port 80." in both
    assert "! Another program listens on port 443." in both
    one = said(http, "")
    assert "! Another program listens on port 80." in one and "✓ port 443 is free" in one
    none = said(talks, "")
    assert "✓ port 80 is free" in none and "✓ port 443 is free" in none


def test_the_disk_must_hold_images_and_files(dialogue: Dialogue, tmp_path: Path) -> None:
    df = tmp_path / "bin" / "df"
    df.parent.mkdir()

    def said(free_kb: int) -> str:
        row = f"/dev/sda1 99999999 1 {free_kb} 1% /"
        df.write_text(f"#!/bin/sh\necho Filesystem\necho '{row}'\n")
        df.chmod(0o755)
        path = f"{df.parent}:{os.environ['PATH']}"
        return dialogue.configure("", *GITHUB, *SIZES, "no", "n", PATH=path).stdout

    gigabyte = 1024**2
    assert "has 19 GB free. The images take 10 GB, and users' files need room." in said(
        20 * gigabyte - 1
    )
    assert "✓ 20 GB of disk are free" in said(20 * gigabyte)


def test_the_unit_starts_the_platform_and_ends_no_users_server() -> None:
    printed = subprocess.run(
        [DOCKER / "install-service", "print"], capture_output=True, text=True, check=True
    ).stdout
    assert "@ROOT@" not in printed
    assert f"WorkingDirectory={DOCKER.parent}\n" in printed
    assert "ExecStop" not in printed, "it would take users' servers away at every shutdown"
    assert "docker/up" in printed and "WantedBy=multi-user.target" in printed
    started = next(line for line in printed.splitlines() if line.startswith("ExecStart="))
    assert "while :" in started, "after `make down` the unit's restart would start the platform"
