"""What hub, user's server, broker and library agree on."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from mosshub_contract import files, ports, processes
from mosshub_contract.broker_account import BrokerAccount
from mosshub_contract.broker_admin import ADMIN, admin_client_settings, admin_password
from mosshub_contract.topics import SETTINGS, topic_settings

ACCOUNT = BrokerAccount("ada", "secret", cafile="/etc/ca.pem", away=True)


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, mosshub_contract.topics, mosshub_contract.broker_admin\n"
    code += "import mosshub_contract.broker_account, mosshub_contract.files\n"
    code += "import mosshub_contract.ports, mosshub_contract.processes\n"
    code += "import mosshub_contract.redaction\n"
    code += "others = {m.partition('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)\n"
    code += "print(sorted(others - {'__main__'}))"
    place = Path(files.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(place)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['mosshub_contract']"


def test_every_topic_has_its_settings_under_the_prefix() -> None:
    made = topic_settings("ada.")
    assert set(made) == {f"ada.{name}" for name in SETTINGS}
    assert made["ada.requests"]["num_partitions"] == 4
    assert made["ada.agents"]["configs"]["cleanup.policy"] == "compact,delete"


def test_the_hubs_password_follows_from_the_secret_alone() -> None:
    assert admin_password("a") == admin_password("a") != admin_password("b")
    assert admin_client_settings("a")["sasl_plain_username"] == ADMIN
    assert "." in ADMIN  # no user's account has one


def test_an_account_comes_back_as_it_was_written() -> None:
    assert BrokerAccount.from_json(ACCOUNT.to_json()) == ACCOUNT
    assert BrokerAccount.from_json(ACCOUNT.to_json()).away
    assert "secret" not in repr(ACCOUNT)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"username": "ada"}', "null", "not json"])
def test_what_is_no_account_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        BrokerAccount.from_json(text)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_written_whole_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "new" / "file"
    files.write_atomically(path, "one\r\ntwo\n", mode=mode)
    files.write_atomically(path, b"three", mode=mode)
    assert path.read_bytes() == b"three"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_port_is_free_until_somebody_listens() -> None:
    port = ports.free_port()
    ports.check_port(port)
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        with pytest.raises(OSError):
            ports.check_port(port)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.parametrize("way", ["preexec", "command"])
def test_a_child_ends_with_its_parent_even_by_sigkill(way: str) -> None:
    start = {
        "preexec": "Popen(['sleep', '60'], preexec_fn=die_with_parent())",
        "command": "Popen(tied_command(['/bin/sleep', '60']))",
    }[way]
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from subprocess import Popen; import time\n"
            "from mosshub_contract.processes import die_with_parent, tied_command\n"
            f"print({start}.pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    child.wait(timeout=10)
    assert not child.is_running()


def test_what_cannot_be_executed_is_said() -> None:
    command = processes.tied_command(["/nowhere/java"])
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == "/nowhere/java cannot be executed: No such file or directory"
