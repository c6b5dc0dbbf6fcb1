"""`make run` on one machine: the start, two people, an admin, and an end that leaves nothing."""

import os
import shutil
import signal
import socket
import stat
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from hub.processes import leftover_processes
from tests.support.host_names import server_of
from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import wait_until

MAX_REDIRECTS_STOPPED, MAX_REDIRECTS_RUNNING = 5, 4


@pytest.fixture
def own_platform(tmp_path: Path):
    """A platform of one test's own, which it may end as it likes."""
    running = RunningPlatform(tmp_path / "data")
    yield running
    if running.process and running.process.poll() is None:
        running.stop(signal.SIGTERM)


def nobody_left(platform: RunningPlatform) -> bool:
    return not leftover_processes(str(platform.data_dir))


# Signing in


def test_two_people_have_an_editor_and_files_of_their_own(platform: RunningPlatform) -> None:
    ada, bob = LocalPerson(platform, "ada"), LocalPerson(platform, "bob")
    for person in (ada, bob):
        assert "marimo" in person.editor().text
    homes = {name: platform.data_dir / "users" / name for name in ("ada", "bob")}
    assert (homes["ada"] / "notebooks" / "image_class.py").exists()
    (homes["ada"] / "notebooks" / "mine.txt").write_text("ada's")
    assert not (homes["bob"] / "notebooks" / "mine.txt").exists()
    assert bob.session.get(ada.base, timeout=30).status_code == 403
    assert ada.session.get(ada.base, timeout=30).status_code == 200
    # An address of before, on the hub's host, leads to the right one.
    old = ada.session.get(f"{platform.url}/user/ada/?file=image_class.py", timeout=30)
    assert (old.status_code, old.url.partition("?")[0]) == (200, ada.base)
    assert bob.session.get(f"{platform.url}/user/ada/", timeout=30).status_code == 404


def led(answer: requests.Response) -> list[str]:
    """Return where a browser was led on the way to an answer: paths without queries."""
    return [urlsplit(step.headers["Location"]).path for step in answer.history]


def test_a_sign_in_leads_a_browser_to_few_addresses(platform: RunningPlatform) -> None:
    """Each redirect takes a round trip: 0.3 s on a slow network."""
    begin = LocalPerson(platform, "dana")
    assert urlsplit(begin.login.url).path == "/hub/spawn-pending/dana"
    begin.wait(lambda: "ready" in _server(begin), 120, "the server is ready")
    opened = begin.session.get(begin.base, timeout=60)
    assert opened.url == begin.base
    print("stopped:", led(begin.login), "then", led(opened))
    assert len(led(begin.login)) + len(led(opened)) <= MAX_REDIRECTS_STOPPED

    again = LocalPerson(platform, "dana")
    print("running:", led(again.login))
    assert again.login.url == begin.base
    assert len(led(again.login)) <= MAX_REDIRECTS_RUNNING


def _server(person: LocalPerson) -> str:
    servers = person.api("GET", f"users/{person.name}").json()["servers"]
    return "ready" if servers.get("", {}).get("ready") else ""


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("ada", ""), ("admin", None), ("", None)]
)
def test_who_lacks_the_password_stays_outside(
    platform: RunningPlatform, name: str, password: str | None
) -> None:
    person = LocalPerson(platform, name, password)
    assert person.login.status_code in (400, 403)
    assert person.api("GET", "user").status_code == 403


def test_a_name_that_cannot_be_is_refused_on_the_form(platform: RunningPlatform) -> None:
    person = LocalPerson(platform, "../../etc")
    assert person.login.status_code == 403
    assert "A name cannot hold slashes" in person.login.text


def test_nobody_is_renamed(platform: RunningPlatform) -> None:
    """The new name would have neither the files nor the topics of the old one."""
    LocalPerson(platform, "dora")
    admin = LocalPerson(platform, "admin", platform.admin_password)
    refused = admin.api("PATCH", "users/dora", json={"name": "theodora"})
    assert refused.status_code == 400
    assert "dora cannot be renamed" in refused.json()["message"]
    # The nearest that may.
    assert admin.api("PATCH", "users/dora", json={"name": "dora", "admin": True}).ok
    assert admin.api("GET", "users/dora").json()["admin"]
    assert admin.api("GET", "users/theodora").status_code == 404


@pytest.mark.slow
def test_an_admin_sees_stops_starts_and_opens_servers(platform: RunningPlatform) -> None:
    LocalPerson(platform, "cleo").editor()
    admin = LocalPerson(platform, "admin", platform.admin_password)
    assert admin.login.url.endswith("/hub/admin")
    assert {u["name"] for u in admin.api("GET", "users").json()} >= {"admin", "cleo"}

    def running() -> bool:
        server = (
            admin.api("GET", "users/cleo?include_stopped_servers").json()["servers"].get("", {})
        )
        return bool(server.get("ready"))

    assert running()
    assert admin.api("DELETE", "users/cleo/server").status_code in (202, 204)
    wait_until(lambda: not running(), 60, "cleo's server to stop")
    assert admin.api("POST", "users/cleo/server").status_code in (201, 202)
    wait_until(running, 90, "cleo's server to start")
    assert "marimo" in admin.consent(server_of(platform.url, "cleo")).text


def test_a_person_cannot_manage_others(platform: RunningPlatform) -> None:
    dan = LocalPerson(platform, "dan")
    assert dan.api("GET", "user").json()["name"] == "dan"
    assert dan.api("GET", "users").status_code == 403
    assert dan.api("DELETE", "users/ada/server").status_code in (403, 404)


def test_everything_listens_on_this_machine_only(platform: RunningPlatform) -> None:
    addresses = {
        connection.laddr.ip
        for process in platform.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_secrets_are_nowhere_but_in_their_files(platform: RunningPlatform) -> None:
    secrets = [platform.password, platform.admin_password]
    assert not any(secret in platform.log for secret in secrets)
    for process in platform.processes():
        words = " ".join([*process.cmdline(), *map("=".join, process.environ().items())])
        assert not any(secret in words for secret in secrets), process
    for name in ("passwords.json", "cookie_secret"):
        mode = stat.S_IMODE((platform.data_dir / "hub" / name).stat().st_mode)
        assert mode == 0o600, name


# The end


@pytest.mark.slow
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_the_end_leaves_no_process_and_the_next_start_finds_everything(
    own_platform: RunningPlatform, sig: int
) -> None:
    own_platform.start()
    password = own_platform.password
    LocalPerson(own_platform, "ada").editor()
    notebook = own_platform.data_dir / "users" / "ada" / "notebooks" / "mine.py"
    notebook.write_text("x = 1\n")
    processes = own_platform.processes()
    assert len(processes) > 5
    assert own_platform.stop(sig) == 0, own_platform.output
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)
    assert "Traceback" not in own_platform.log

    own_platform.start()
    assert own_platform.password == password
    LocalPerson(own_platform, "ada").editor()
    assert notebook.read_text() == "x = 1\n"
    admin = LocalPerson(own_platform, "admin", own_platform.admin_password)
    assert "ada" in {user["name"] for user in admin.api("GET", "users").json()}


@pytest.mark.slow
def test_a_hub_that_is_killed_takes_everything_with_it(own_platform: RunningPlatform) -> None:
    own_platform.start()
    LocalPerson(own_platform, "ada").editor()
    hub = next(
        p for p in own_platform.processes() if "jupyterhub_config.py" in " ".join(p.cmdline())
    )
    hub.kill()
    assert own_platform.wait() == 1
    assert "The hub ended" in own_platform.output
    wait_until(lambda: nobody_left(own_platform), 20, "the orphans to end")


@pytest.mark.slow
def test_what_a_killed_launcher_leaves_is_gone_after_the_next_start(
    own_platform: RunningPlatform,
) -> None:
    own_platform.start()
    LocalPerson(own_platform, "ada").editor()
    before = own_platform.processes()
    hub = next(p for p in before if "jupyterhub_config.py" in " ".join(p.cmdline()))
    hub.suspend()  # it cannot end by itself now, the worst case
    assert own_platform.process
    own_platform.process.kill()
    own_platform.wait()
    own_platform.start()
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in before)
    LocalPerson(own_platform, "ada").editor()


# Bad input


@pytest.mark.slow
def test_a_wrong_setting_stops_the_start_with_its_name(tmp_path: Path) -> None:
    running = RunningPlatform(tmp_path / "data", KAFKA_BOOTSTRAP_SERVERS="nowhere").launch()
    assert running.wait() == 1
    assert "KAFKA_BOOTSTRAP_SERVERS=nowhere: expected host:port" in running.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["PORT", "KAFKA_PORT"])
def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    running = RunningPlatform(tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = running.environment[name] = str(taken.getsockname()[1])
        assert running.launch().wait() == 1
    assert f"{name}={port}: another program listens there" in running.output
    assert "set another" in running.output


@pytest.mark.slow
def test_two_platforms_run_side_by_side(platform: RunningPlatform, tmp_path: Path) -> None:
    """With another PORT, as README says; the broker's port is nobody's concern."""
    with closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # another platform of this machine has it already
            taken.bind(("127.0.0.1", 9092))
            taken.listen()
        second = RunningPlatform(tmp_path / "data")
        del second.environment["KAFKA_PORT"]
        try:
            second.start()
            ada = LocalPerson(second, "ada")
            ada.editor()
            address = second.kafka_address()
            assert address != "127.0.0.1:9092"
            host, _, port = address.partition(":")
            socket.create_connection((host, int(port)), timeout=5).close()
        finally:
            second.stop()
    assert requests.get(f"{platform.url}/hub/health", timeout=30).ok


@pytest.mark.slow
def test_a_second_start_on_the_same_data_is_refused(platform: RunningPlatform) -> None:
    second = RunningPlatform(platform.data_dir).launch()
    assert second.wait() == 1
    assert "a platform is running on it already" in second.output
    assert requests.get(f"{platform.url}/hub/health", timeout=30).ok


@pytest.mark.slow
def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    running = RunningPlatform(tmp_path / "data").launch()
    assert running.wait() == 1
    assert f"DATA_DIR={tmp_path / 'data'}" in running.output
    assert "set another DATA_DIR" in running.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a program as somebody else")
def test_an_unreadable_data_directory_is_refused(tmp_path: Path) -> None:
    """Root may read everything, so the launcher's own check runs as nobody."""
    import subprocess
    import sys

    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    probe = (
        "import os\n"
        "from hub.preflight import StartError, open_data\nfrom hub.settings import Settings\n"
        "os.setgid(65534); os.setuid(65534)\n"
        f"try: open_data(Settings(data_dir={str(data)!r}))\n"
        f"except StartError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60)
    assert "permission denied" in done.stdout, done.stderr
    assert "give this user the right" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "said"),
    [("echo v18.1.0", "is Node.js v18.1.0, v20 or newer is needed"), ("exit 3", "does not run")],
)
def test_a_wrong_node_is_refused(tmp_path: Path, script: str, said: str) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\n{script}\n")
    node.chmod(0o755)
    running = RunningPlatform(tmp_path / "data", NODE=str(node)).launch()
    assert running.wait() == 1
    assert said in running.output
    assert "unset NODE" in running.output


# An upgrade

OLDER = "jupyterhub==5.3.0"
PEOPLE_OF_BEFORE = """
import sys
from jupyterhub import orm
with orm.new_session_factory(f"sqlite:///{sys.argv[1]}")() as db:
    db.add(orm.User(name="ada"))
    db.commit()
"""


@pytest.mark.slow
def test_the_database_of_an_older_hub_is_taken_over(own_platform: RunningPlatform) -> None:
    state = own_platform.data_dir / "hub"
    state.mkdir(parents=True)
    database = state / "jupyterhub.sqlite"
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    older = [uv, "run", "--quiet", "--no-project", "--isolated", "--with", OLDER, "python", "-c"]
    subprocess.run([*older, PEOPLE_OF_BEFORE, str(database)], check=True, timeout=300)
    own_platform.start()
    admin = LocalPerson(own_platform, "admin", own_platform.admin_password)
    assert {"ada", "admin"} <= {user["name"] for user in admin.api("GET", "users").json()}
    assert list(state.glob("jupyterhub.sqlite.*")), "the older database is kept"
