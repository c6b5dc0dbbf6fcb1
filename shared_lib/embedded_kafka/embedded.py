"""Apache Kafka as an object: start, stop, kill."""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from mosshub_contract.broker_admin import admin_client_settings
from mosshub_contract.files import write_atomically
from mosshub_contract.ports import free_port

from embedded_kafka.accounts import account_properties, jaas
from embedded_kafka.command import format_storage, java_command
from embedded_kafka.diagnosis import diagnose
from embedded_kafka.errors import BrokerError
from embedded_kafka.jars import KAFKA_VERSION
from embedded_kafka.port import choose_port
from embedded_kafka.process import JavaProcess
from embedded_kafka.properties import render, server_properties
from embedded_kafka.ready import wait_until_ready
from embedded_kafka.storage import Storage

DEFAULT_PORT = 9092


class EmbeddedBroker:
    """One Apache Kafka broker on 127.0.0.1. Its messages are in a directory and survive restarts.

    Used as a context manager it runs inside the `with`. It ends with this process at the latest: at
    a normal exit in order, and on Linux also when this process is killed.

    Args:
        data_dir: its directory, made if it does not exist.
        port: where clients connect; 0 picks a free port at the first start and keeps it.
        heap_mb: Java's heap in MiB; the process takes about 100 MiB more.
        java_options: more options for Java; they win over this class's own.
        secret_file: a file with a secret makes it a broker with accounts (see `accounts`): nobody
            may do anything there until whoever knows the secret has created accounts and ACLs. It
            is read at each start. Without one everybody on this machine may do everything.
        show: called with each warning and error that Kafka writes, a line each.
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str],
        port: int = DEFAULT_PORT,
        *,
        heap_mb: int = 512,
        java_options: Sequence[str] = (),
        secret_file: str | os.PathLike[str] | None = None,
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.port = port
        self._storage = Storage(Path(data_dir), KAFKA_VERSION)
        self._heap_mb = heap_mb
        self._java_options = list(java_options)
        self._secret_file = None if secret_file is None else Path(secret_file)
        self._show = show
        self._java: JavaProcess | None = None

    @property
    def data_dir(self) -> Path:
        """The broker's directory, absolute."""
        return self._storage.directory

    @property
    def log_file(self) -> Path:
        """Kafka's own log."""
        return self._storage.log_file

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, `127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.port}"

    @property
    def admin_file(self) -> Path:
        """A file with the address, `127.0.0.1:<port>`, where the hub manages the accounts."""
        return self.data_dir / "admin.address"

    @property
    def pid(self) -> int | None:
        """Java's process id, None if it does not run."""
        return self._java.pid if self._java is not None and self._java.running else None

    @property
    def running(self) -> bool:
        """Whether the broker's process runs."""
        return self.pid is not None

    def start(self, timeout: float = 60.0) -> EmbeddedBroker:
        """Start the broker and return it when it answers; do nothing if it runs already.

        The first start downloads Kafka (45 MB) and sets the directory up.

        Args:
            timeout: how long Kafka may take from its launch to its first answer, in seconds.

        Raises:
            BrokerError: the port is taken, the directory cannot be used or is in use, there is no
                fitting Java, the download failed, or Kafka ended or did not answer in time.
        """
        if self.running:
            return self
        self._storage.check()
        lock = self._storage.lock()
        try:
            self.port = choose_port(self.port)
            self._storage.sign(lock, self.port)
            command = self._prepare()
            secret = self._secret()
            arguments = self._server(secret)
            self._java = JavaProcess([*command, *arguments], self._show, keep_open=[lock])
        finally:
            os.close(lock)  # from here on Java holds it
        atexit.register(self.stop)
        java = self._java
        try:
            address, client = self.bootstrap_servers, {}
            if secret:
                address = self.admin_file.read_text("utf-8")
                client = admin_client_settings(secret)
            wait_until_ready(address, timeout, give_up=lambda: not java.running, **client)
        except BrokerError:
            if not java.running:
                raise BrokerError(self.failure_report()) from None
            self.kill()
            raise BrokerError(
                f"Apache Kafka did not answer on port {self.port} within {timeout:.0f} s and was "
                f"stopped. The machine may be very busy; its log is {self.log_file}."
            ) from None
        except BaseException:  # Ctrl-C while it starts
            self.stop()
            raise
        self._storage.mark_used()
        return self

    def prepare(self) -> None:
        """Download Kafka and set the directory up without starting, so that a start is quick.

        Raises:
            BrokerError: as `start`.
        """
        self._storage.check()
        lock = self._storage.lock()
        try:
            choose_port(self.port)
            self._prepare()
        finally:
            os.close(lock)

    def stop(self, timeout: float = 30.0) -> None:
        """Stop the broker in order; kill it if it has not ended after `timeout` seconds."""
        if self._java is not None:
            self._java.send(signal.SIGTERM)
            if not self._java.wait(timeout):
                self.kill()
        atexit.unregister(self.stop)

    def kill(self) -> None:
        """End the broker at once (SIGKILL), as a power cut would, and wait until it is gone."""
        if self._java is not None:
            self._java.send(signal.SIGKILL)
            self._java.wait()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the broker's end, at most `timeout` seconds.

        Returns:
            Java's exit status (negative: the signal); None if it still runs, or never did.
        """
        if self._java is not None:
            self._java.wait(timeout)
            return self._java.returncode
        return None

    def failure_report(self) -> str:
        """Return why the broker ended: the likely reason, then its last lines of output."""
        if self._java is None:
            return "The broker was not started."
        output = list(self._java.output)
        status = self._java.returncode
        if status == -signal.SIGKILL:
            reason = "If nobody did that, the machine ran out of memory."
            end = f"Apache Kafka was killed (signal 9). {reason}"
        else:
            reason = diagnose(output, self.data_dir, self.port, KAFKA_VERSION)
            end = f"Apache Kafka ended with status {status}. {reason}"
        return "\n".join([end, *(f"  | {line}" for line in output[-15:])])

    def __enter__(self) -> EmbeddedBroker:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _prepare(self) -> list[str]:
        """Set the directory up if need be; return the Java command without the program."""
        command = java_command(self._storage, self._heap_mb, self._java_options)
        if not self._storage.is_formatted:
            format_storage(self._storage, command)
        return command

    def _secret(self) -> str:
        if self._secret_file is None:
            return ""
        try:
            secret = self._secret_file.read_text("utf-8").strip()
        except OSError as error:
            raise BrokerError(
                f"The broker's secret {self._secret_file} cannot be read: {error.strerror}."
            ) from None
        if len(secret) < 32:
            raise BrokerError(
                f"The broker's secret {self._secret_file} is too short: 32 characters or more."
            )
        return secret

    def _server(self, secret: str) -> list[str]:
        """Write Kafka's settings; return the rest of the command."""
        controller_port, options = free_port(), []
        settings = server_properties(self._storage.log_dir, self.port, controller_port)
        if secret:
            admin_port = free_port()
            settings |= account_properties(self.port, admin_port, controller_port)
            logins = self.data_dir / "server.jaas"
            write_atomically(logins, jaas(secret), mode=0o600)
            write_atomically(self.admin_file, f"127.0.0.1:{admin_port}", mode=0o600)
            options.append(f"-Djava.security.auth.login.config={logins}")
        path = self.data_dir / "server.properties"
        path.write_text(render(settings), "utf-8")
        return [*options, "kafka.Kafka", str(path)]
