"""`make configure` with answers on standard input: what it writes, what it says, what it leaves."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCKER = Path(__file__).resolve().parents[3] / "docker"
GITHUB = ["github", "client", "ada", "acme", ""]
SIZES = ["", ""]
SECRET = "what-github-gave"


class Dialogue:
    """A settings file and what is asked about it."""

    def __init__(self, directory: Path) -> None:
        self.settings, self.secrets = directory / "settings", directory / "secrets"

    def configure(self, *answers: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [DOCKER / "configure"],
            input="".join(f"{answer}\n" for answer in answers),
            env={
                "PATH": os.environ["PATH"],
                "SETTINGS": str(self.settings),
                "SECRETS": str(self.secrets),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    def value(self, name: str) -> list[str]:
        return re.findall(rf"(?m)^{name}=(.*)$", self.settings.read_text())


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


def test_the_unit_starts_the_platform_and_ends_no_users_server() -> None:
    printed = subprocess.run(
        [DOCKER / "install-service", "print"], capture_output=True, text=True, check=True
    ).stdout
    assert "@ROOT@" not in printed
    assert f"WorkingDirectory={DOCKER.parent}\n" in printed
    assert "ExecStop" not in printed, "it would take users' servers away at every shutdown"
    assert "docker/up" in printed and "WantedBy=multi-user.target" in printed
