"""`make run`: start the platform on this machine, say where it is, and end all of it on Ctrl-C."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hub.broker import broker_command, broker_secret
from hub.processes import INSTANCE, die_with_parent, end, left_over
from hub.proxy import NodeError, proxy_command
from hub.settings import ROOT, Settings, SettingsError, load_settings
from hub.signin.shared_password import Passwords, load_passwords

START_TIMEOUT = 180  # seconds; the first start formats the broker's data
STOP_TIMEOUT = 30  # seconds for the hub to end servers, proxy and broker
KEEP_LOG = 5_000_000  # bytes of the hub's log that start a new file


class StartError(Exception):
    """The platform cannot start; the message says why and what to do."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def check_port(name: str, port: int, hint: str) -> None:
    """Raise StartError if something listens on 127.0.0.1:`port`, the setting called `name`."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except PermissionError:
            raise StartError(f"{name}={port}: this user may not listen there; {hint}") from None
        except OSError:
            raise StartError(f"{name}={port}: another program listens there; {hint}") from None


def open_data(settings: Settings) -> None:
    """Make the data directory, closed to others, and take its lock for the life of this process."""
    data = settings.data_dir
    try:
        for directory in (data, data / "hub", data / "users", data / "logs"):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
            (directory / ".writable").touch()
            (directory / ".writable").unlink()
        lock = (data / "lock").open("a+")
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
            "stop that one (Ctrl-C in its terminal), or set another DATA_DIR and PORT"
        ) from None
    globals()["_lock"] = lock  # closing it would give the lock away


def prepare_broker(settings: Settings) -> None:
    """Fetch Kafka, the first time, and set its data up, here where progress and errors are seen."""
    done = subprocess.run(
        [*broker_command(settings), "--prepare"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise StartError(done.stderr.strip())


def answers(settings: Settings) -> bool:
    """Say whether the hub answers, by itself and then through the proxy."""
    with suppress(OSError):
        for port in (settings.hub_port, settings.port):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/hub/health", timeout=2):
                pass  # anything but a success is an error
        return True
    return False


def broker_answers(settings: Settings) -> bool:
    """Say whether the broker accepts connections (the notebooks wait for more than that)."""
    for address in settings.bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=2):
            return True
    return False


class Platform:
    """The running platform: JupyterHub and all that it starts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.log_path = settings.data_dir / "logs" / "hub.log"
        self._log_start = 0
        self._hub: subprocess.Popen

    def start(self) -> None:
        """Start the hub in a session of its own, so that Ctrl-C reaches only this process."""
        settings = self.settings
        if self.log_path.exists() and self.log_path.stat().st_size > KEEP_LOG:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        environment = {
            **os.environ,
            # JupyterHub upgrades its database with a program that it looks for there.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            INSTANCE: str(settings.data_dir),
            "HUB_PORT": str(settings.hub_port),
            "PROXY_API_PORT": str(settings.proxy_api_port),
        }
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._hub = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", ROOT / "jupyterhub_config.py"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def wait_for(self, what: str, ready: Callable[[Settings], bool]) -> None:
        """Wait until `ready`, showing the seconds; StartError if the hub ends or time runs out."""
        began = time.monotonic()
        while not ready(self.settings):
            if self._hub.poll() is not None:
                raise StartError(f"{what} did not start:\n{self.last_words()}")
            if time.monotonic() - began > START_TIMEOUT:
                raise StartError(f"{what} did not answer in time:\n{self.last_words()}")
            time.sleep(0.1)
        print(f"  {what:<34}{time.monotonic() - began:5.1f} s", flush=True)

    def last_words(self, lines: int = 15) -> str:
        """Return the last lines that the hub logged since this start, and where the rest is."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode(errors="replace").strip().splitlines()
        return "\n".join([*text[-lines:], f"(all of it: {self.log_path})"])

    def wait(self) -> int:
        """Wait for the hub to end; return its exit status."""
        return self._hub.wait()

    def stop(self) -> None:
        """End the hub and all that it started; a second Ctrl-C ends it at once."""
        self._hub.terminate()
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            self._hub.wait(STOP_TIMEOUT)
        self._hub.kill()
        self._hub.wait()
        end(left_over(str(self.settings.data_dir)))


def prepare() -> tuple[Settings, Passwords]:
    """Check all that a start needs before anything is started."""
    settings = load_settings()
    internal = {
        name: getattr(settings, name) or free_port() for name in ("hub_port", "proxy_api_port")
    }
    settings = settings.model_copy(update=internal)
    open_data(settings)
    if count := end(left_over(str(settings.data_dir))):
        print(f"  ended {count} processes that an earlier run had left behind", flush=True)
    check_port("PORT", settings.port, "set another, for example `make run PORT=8080`")
    if settings.embedded_broker:
        hint = "set another KAFKA_PORT, or KAFKA_BOOTSTRAP_SERVERS to use the broker that is there"
        check_port("KAFKA_PORT", settings.kafka_port, hint)
        broker_secret(settings)  # the broker reads it at its start
        prepare_broker(settings)
    proxy_command(settings)
    return settings, load_passwords(settings.data_dir / "hub" / "passwords.json")


def announce(settings: Settings, passwords: Passwords) -> None:
    """Print the three lines that a newcomer needs."""
    admins = " or ".join(sorted(settings.admins))
    print(
        f"\nOpen      http://127.0.0.1:{settings.port}"
        f"\nPeople    any name, password {passwords.people}"
        f"\nAdmins    name {admins}, password {passwords.admins}",
        flush=True,
    )


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the platform until Ctrl-C or SIGTERM; return the exit status."""
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, _interrupt)
    try:
        settings, passwords = prepare()
    except (SettingsError, StartError, NodeError, ValueError) as error:
        print(f"Mosshub cannot start.\n{error}", file=sys.stderr)
        return 1
    platform = Platform(settings)
    platform.start()
    try:
        platform.wait_for("hub", answers)
        platform.wait_for("broker", broker_answers)
        announce(settings, passwords)
        status = platform.wait()
        print(f"\nThe hub ended (status {status}).\n{platform.last_words()}", file=sys.stderr)
        return 1
    except StartError as error:
        print(f"Mosshub cannot start.\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        return 0
    finally:
        platform.stop()


if __name__ == "__main__":
    sys.exit(main())
