"""`make run`: start the platform on this machine, print its address, end all of it on Ctrl-C."""

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

from mosshub_contract.processes import die_with_parent

from hub.preflight import StartError, prepare
from hub.processes import INSTANCE_VARIABLE, end_processes, leftover_processes
from hub.proxy import NodeError
from hub.settings import ROOT, Settings, SettingsError
from hub.signin.shared_password import Passwords

#: Seconds for hub or broker to answer; the first start formats the broker's data.
START_TIMEOUT_S = 180
#: Seconds for the hub to end servers, proxy and broker.
STOP_TIMEOUT_S = 30
#: Size of the hub's log at which a start begins a new file.
LOG_ROTATION_BYTES = 5_000_000
#: Lines of the hub's log that a failed start prints.
LOG_TAIL_LINES = 15


def hub_answers(settings: Settings) -> bool:
    """Return whether the hub answers, directly and through the proxy."""
    with suppress(OSError):
        for port in (settings.hub_port, settings.port):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/hub/health", timeout=2):
                pass  # urlopen raises an error for every status but success
        return True
    return False


def broker_answers(settings: Settings) -> bool:
    """Return whether the broker accepts connections. Notebooks wait until it also answers."""
    for address in settings.bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=2):
            return True
    return False


class Platform:
    """The running platform: JupyterHub and everything that it starts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.log_path = settings.data_dir / "logs" / "hub.log"
        self._log_start = 0
        self._hub: subprocess.Popen

    def start(self) -> None:
        """Start the hub in a session of its own, so that Ctrl-C reaches only this process."""
        settings = self.settings
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_ROTATION_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        environment = {
            **os.environ,
            # JupyterHub looks for the program that upgrades its database in PATH.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            INSTANCE_VARIABLE: str(settings.data_dir),
            # The ports that `prepare` has found.
            "PORT": str(settings.port),
            "KAFKA_PORT": str(settings.kafka_port),
            "HUB_PORT": str(settings.hub_port),
            "PROXY_API_PORT": str(settings.proxy_api_port),
            # For the proxy's page that says that the hub is away (hub/node/preload.mjs).
            "TEAM_NAME": settings.team_name,
            "TEAM_COLOUR": settings.team_colour or "",
        }
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._hub = subprocess.Popen(
                [sys.executable, "-m", "hub", "-f", ROOT / "jupyterhub_config.py"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    def wait_for(self, what: str, ready: Callable[[Settings], bool]) -> None:
        """Wait until `ready` returns true, then print the seconds that it took.

        Raises:
            StartError: the hub ended, or START_TIMEOUT_S passed.
        """
        began = time.monotonic()
        while not ready(self.settings):
            if self._hub.poll() is not None:
                raise StartError(f"{what} did not start:\n{self.log_tail()}")
            if time.monotonic() - began > START_TIMEOUT_S:
                raise StartError(f"{what} did not answer in time:\n{self.log_tail()}")
            time.sleep(0.1)
        print(f"  {what:<34}{time.monotonic() - began:5.1f} s", flush=True)

    def log_tail(self) -> str:
        """Return the last lines that the hub logged since this start, and the log's path."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return "\n".join([*lines[-LOG_TAIL_LINES:], f"(the whole log: {self.log_path})"])

    def wait(self) -> int:
        """Wait until the hub ends; return its exit status."""
        return self._hub.wait()

    def stop(self) -> None:
        """End the hub and everything that it started; a second Ctrl-C ends it at once."""
        self._hub.terminate()
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            self._hub.wait(STOP_TIMEOUT_S)
        self._hub.kill()
        self._hub.wait()
        end_processes(leftover_processes(str(self.settings.data_dir)))


def announce(settings: Settings, passwords: Passwords) -> None:
    """Print the three lines that a newcomer needs."""
    admins = " or ".join(sorted(settings.admins))
    print(
        f"\nOpen      {settings.public_url}"
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
        platform.wait_for("hub", hub_answers)
        platform.wait_for("broker", broker_answers)
        announce(settings, passwords)
        status = platform.wait()
        print(f"\nThe hub ended (status {status}).\n{platform.log_tail()}", file=sys.stderr)
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
