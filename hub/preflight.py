"""Everything that `make run` checks and prepares before it starts anything."""

import fcntl
import os
import subprocess
from contextlib import suppress

from mosshub_contract.ports import free_port

from hub.broker import broker_command, broker_secret
from hub.port_claims import claim_port
from hub.processes import end_processes, leftover_processes
from hub.proxy import proxy_command
from hub.settings import ROOT, Settings, load_settings
from hub.signin.shared_password import Passwords, load_passwords

# How many ports from the default one on are tried.
_PORTS_TRIED = 20


class StartError(Exception):
    """The platform cannot start; the message says why and what to do."""


def prepare() -> tuple[Settings, Passwords]:
    """Check everything that a start needs.

    Returns:
        The settings, with the ports that were free, and the passwords for people and admins.

    Raises:
        SettingsError, StartError, NodeError, ValueError: the start is not possible.
    """
    settings = load_settings()
    open_data(settings)
    if count := end_processes(leftover_processes(str(settings.data_dir))):
        print(f"  ended {count} processes that an earlier run had left behind", flush=True)
    settings = choose_ports(settings)
    if settings.embedded_broker:
        broker_secret(settings)  # the broker reads the file at its start
        prepare_broker(settings)
    proxy_command(settings)
    return settings, load_passwords(settings.data_dir / "hub" / "passwords.json")


def open_data(settings: Settings) -> None:
    """Create the data directory, closed to other users, and lock it until this process ends.

    Raises:
        StartError: the directory cannot be written to, or another platform has locked it.
    """
    data = settings.data_dir
    try:
        for directory in (data, data / "hub", data / "users", data / "logs"):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
            (directory / ".writable").touch()
            (directory / ".writable").unlink()
        lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)  # open until the process ends
    except OSError as error:
        raise StartError(
            f"DATA_DIR={data}: {(error.strerror or str(error)).lower()} at {error.filename}; "
            "give this user the right to read and write there, or set another DATA_DIR"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StartError(
            f"DATA_DIR={data}: a platform is running on it already; "
            "stop that one (Ctrl-C in its terminal), or set another DATA_DIR"
        ) from None


def choose_ports(settings: Settings) -> Settings:
    """Return the settings with ports on which a server may listen now.

    A port that nobody has set gives way to another platform on this machine: the next free one is
    used, and the terminal says so.

    Raises:
        StartError: a port that was set is taken, or this user may not listen there.
    """
    remedies = {"port": "set another, for example `make run PORT=8080`"}
    if settings.embedded_broker:
        remedies["kafka_port"] = (
            "set another KAFKA_PORT, or KAFKA_BOOTSTRAP_SERVERS to use the broker that is there"
        )
    chosen = {
        name: getattr(settings, name) or free_port() for name in ("hub_port", "proxy_api_port")
    }
    for name, remedy in remedies.items():
        port = getattr(settings, name)
        if name in settings.model_fields_set:
            require_port(name.upper(), port, remedy)
        elif (free := next_free_port(port)) != port:
            chosen[name] = free
            print(f"  {name.upper()}: {port} is taken, {free} is used", flush=True)
    return settings.model_copy(update=chosen)


def next_free_port(port: int) -> int:
    """Claim and return `port` if nobody has it, else the next free one, else any free one."""
    for candidate in range(port, port + _PORTS_TRIED):
        with suppress(OSError):
            claim_port(candidate)
            return candidate
    return free_port()


def require_port(name: str, port: int, remedy: str) -> None:
    """Claim 127.0.0.1:`port` for a server.

    Args:
        name: the setting that has the port.
        port: the port.
        remedy: what to do if it is taken.

    Raises:
        StartError: the port is taken, or this user may not listen there.
    """
    try:
        claim_port(port)
    except PermissionError:
        raise StartError(f"{name}={port}: this user may not listen there; {remedy}") from None
    except OSError:
        raise StartError(f"{name}={port}: another program listens there; {remedy}") from None


def prepare_broker(settings: Settings) -> None:
    """Download Kafka, the first time, and format its data. The terminal shows the progress.

    Raises:
        StartError: the broker said why it cannot start.
    """
    done = subprocess.run(
        [*broker_command(settings), "--prepare"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise StartError(done.stderr.strip())
