"""A machine of the cluster: namespaces of its own on this one, which all end with the tests."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from mosshub_contract.processes import die_with_parent

from tests.support.waiting import retry_until, wait_until

START_TIMEOUT_S = 20.0
LOG_TAIL_LINES = 30


class Machine:
    """Namespaces for network, processes and mounts, with programs in them.

    The kernel ends all processes of the machine, pods too, as soon as its first one ends, and that
    one ends with the process that made the machine, however that ends. With them go its network
    and its mounts.

    Args:
        name: its name, at most 15 characters.
        state: a directory for its files, which outlives it.
        pause: the program that is its first process.

    Attributes:
        pid: its first process, as this machine sees it.
        programs: those that were started, by name.
    """

    def __init__(self, name: str, state: Path, pause: Path) -> None:
        self.name, self.state = name, state
        self._log = state / "log"
        self._log.mkdir(parents=True, exist_ok=True)
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self._first = subprocess.Popen(
            [
                *("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child"),
                *("--mount-proc", str(pause)),
            ],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C on the tests does not end it before them
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
        self.pid = wait_until(
            lambda: self._find_first(pause), START_TIMEOUT_S, f"the machine {name} starts"
        )
        # Of its own: sockets, locks, the names of pods' networks, what programs always put there.
        for place in ("/run", "/var/lib"):
            self.run("mount", "-t", "tmpfs", "tmpfs", place)
        self.run("mount", "--bind", str(self._log), "/var/log")
        self.run("ip", "link", "set", "lo", "up")

    def _find_first(self, pause: Path) -> int:
        unshare = self._first.pid
        assert self._first.poll() is None, f"unshare ended with {self._first.returncode}"
        for child in Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split():
            if Path(f"/proc/{child}/exe").resolve() == pause.resolve():
                return int(child)
        return 0

    @property
    def inside(self) -> list[str]:
        """What runs a command in the machine."""
        return ["nsenter", f"--target={self.pid}", "--net", "--pid", "--mount", "--"]

    def run(self, *command: str, timeout: float = 60) -> str:
        """Return standard output of a command in the machine. Raises RuntimeError."""
        return run(*self.inside, *command, timeout=timeout)

    def connect(self, *command: str) -> None:
        """Run a command of iproute2 in its network only; its `netns` takes pids of this one."""
        run("nsenter", f"--net=/proc/{self.pid}/ns/net", "--", "ip", *command)

    def set_kernel(self, parameters: dict[str, str]) -> None:
        """Set kernel parameters of its network, such as net/ipv4/ip_forward."""
        for name, value in parameters.items():
            self.run("sh", "-c", f"echo {value} > /proc/sys/{name}")

    def start(self, *command: str) -> None:
        """Start a program; its log has the name of the program."""
        name = command[1] if Path(command[0]).name == "kube" else Path(command[0]).name
        with (self._log / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                [*self.inside, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise RuntimeError with the end of its log when a program has ended."""
        for name, program in self.programs.items():
            if program.poll() is not None:
                lines = (self._log / f"{name}.log").read_text(errors="replace").splitlines()
                tail = "\n".join(lines[-LOG_TAIL_LINES:])
                raise RuntimeError(f"{name} on {self.name} ended:\n{tail}")

    def wait_for(self, *command: str, timeout: float = START_TIMEOUT_S) -> None:
        """Wait until a command succeeds in the machine, whose programs all have to run."""

        def succeeds() -> bool:
            self.check()
            return subprocess.run([*self.inside, *command], capture_output=True).returncode == 0

        retry_until(succeeds, timeout, f"{' '.join(command)} succeeds on {self.name}")

    def wait(self) -> None:
        """Wait until somebody ends it."""
        self._first.wait()

    def kill(self) -> None:
        """End it at once, as when its power fails; all its processes are gone on return."""
        self._first.kill()
        self._first.wait()
        wait_until(
            lambda: not Path(f"/proc/{self.pid}").exists(),
            START_TIMEOUT_S,
            f"the processes of {self.name} are gone",
        )
        for program in self.programs.values():
            program.wait()


def run(*command: str, timeout: float = 60, stdin: str | None = None) -> str:
    """Return standard output of a command. Raises RuntimeError with the end of its errors."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise RuntimeError(f"`{' '.join(command)}` ended with {done.returncode}:\n{said}")
    return done.stdout
