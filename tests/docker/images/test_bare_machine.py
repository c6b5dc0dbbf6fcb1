"""`make run` on a machine that has nothing: a bare Debian with git, Python's venv, make and
certificates, an ordinary person on it, and a clean clone of what is committed.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.standins.engine import docker
from tests.support.containers import Container
from tests.support.host_names import pointed
from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.waiting import retry_until

PACKAGES = ["git", "python3-venv", "make", "ca-certificates"]
HOME = "/home/moss"
CLONE = f"{HOME}/mosshub"
LOG = f"{HOME}/make-run.log"
FIRST_START = 1200  # seconds; it downloads about 1 GB
NEXT_START = 300
THE_END = 60

# The platform listens on the container's 127.0.0.1 only; this forwards the same port of its other
# address, because the platform's pages name the port.
FORWARD = """
import asyncio, socket
async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def joined(reader, writer):
    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", 8000)
    except OSError:
        return writer.close()
    await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
async def main():
    outside = socket.gethostbyname(socket.gethostname())
    async with await asyncio.start_server(joined, outside, 8000) as server:
        await server.serve_forever()
asyncio.run(main())
"""


@dataclass
class BareMachine:
    """A container that is a machine of its own, with what `LocalPerson` needs of a platform."""

    box: Container
    url: str = "http://localhost:8000"
    subdomains: bool = True
    output: str = ""
    group: str = field(default="", init=False)

    def root(self, *command: str, timeout: float = 300) -> str:
        return self.box.exec(*command, timeout=timeout)

    def moss(self, script: str, timeout: float = 300) -> str:
        """Run a shell script as the ordinary person, in their home."""
        return self.box.exec("sh", "-c", f"cd {HOME} && {script}", user="moss", timeout=timeout)

    def received(self) -> int:
        """Bytes that the machine has received from outside."""
        return int(self.root("cat", "/sys/class/net/eth0/statistics/rx_bytes"))

    def processes(self) -> list[str]:
        """Command lines of everything that the ordinary person runs."""
        lines = docker("top", self.box.name, "-eo", "user:20,uid,pid,args").splitlines()[1:]
        return [line.split(None, 3)[3] for line in lines if line.split()[1] == self.uid]

    @property
    def uid(self) -> str:
        return self.root("id", "-u", "moss")

    def start(self, deadline: float) -> float:
        """`make run` as from a terminal, until its three last lines; return the seconds."""
        began = time.monotonic()
        script = f"cd {CLONE} && echo $$ > {HOME}/group && exec make run > {LOG} 2>&1"
        docker("exec", "-d", "--user", "moss", self.box.name, "setsid", "sh", "-c", script)

        def ready() -> bool:
            self.output = self.moss(f"cat {LOG} 2>/dev/null || true")  # its first moment has none
            if "\nAdmins " in self.output:
                return True
            assert not self.output or self.processes(), f"make run ended:\n{self.output}"
            return False

        try:
            wait_for_start(ready, deadline)
        except AssertionError:
            print(self.output, self.log[-4000:], sep="\n")
            raise
        self.group = self.moss("cat group")
        return time.monotonic() - began

    def interrupt(self) -> None:
        """Ctrl-C: a terminal sends SIGINT to the whole foreground process group."""
        self.root("sh", "-c", f"kill -INT -{self.group}")

    @property
    def log(self) -> str:
        return self.moss(f"cat {CLONE}/data/logs/hub.log 2>/dev/null || true")

    @property
    def password(self) -> str:
        return self.printed(r"^People +any name, password (\S+)$")

    @property
    def admin_password(self) -> str:
        return self.printed(r"^Admins +name admin, password (\S+)$")

    def printed(self, pattern: str) -> str:
        match = re.search(pattern, self.output, re.MULTILINE)
        assert match, self.output
        return match[1]


def wait_for_start(ready, deadline: float) -> None:
    """Like `retry_until`, but an assertion within `ready` ends the waiting at once."""
    ends = time.monotonic() + deadline
    while not ready():
        assert time.monotonic() < ends, f"no three lines after {deadline:.0f} s"
        time.sleep(1)


@pytest.fixture
def machine(standin, containers) -> Iterator[BareMachine]:
    image = standin("debian:trixie-slim")
    box = containers.run("--init", image, "sleep", "infinity")
    machine = BareMachine(box)
    machine.root("apt-get", "-q", "update")
    machine.root("apt-get", "-qy", "install", "--no-install-recommends", *PACKAGES)
    machine.root("useradd", "--create-home", "moss")
    docker("exec", "-d", box.name, "python3", "-c", FORWARD)
    address = machine.root("hostname", "-i").split()[0]
    with pointed("localhost", address):
        yield machine


def clone_of_head(machine: BareMachine, scratch: Path) -> None:
    """What is committed, and nothing else, comes to the machine."""
    bare = scratch / "mosshub.git"
    origin = f"file://{ROOT}"
    subprocess.run(["git", "clone", "-q", "--bare", "--depth=1", origin, bare], check=True)
    docker("cp", bare, f"{machine.box.name}:/srv/mosshub.git")
    machine.root("chown", "-R", "moss:moss", "/srv/mosshub.git")
    machine.moss(f"git clone -q /srv/mosshub.git {CLONE}")


def open_notebook(person: LocalPerson) -> None:
    """Open image_class.py as marimo's page does, until its kernel is ready."""
    listing = person.post("api/home/workspace_files", {"includeMarkdown": False})
    assert listing.status_code == 200, listing.text
    assert "image_class.py" in listing.text
    person.notebook("image_class.py").socket.close()


def look_after_sign_in(machine: BareMachine, name: str) -> LocalPerson:
    person = LocalPerson(machine, name)  # type: ignore[arg-type]
    page = person.editor(timeout=120)
    assert page.status_code == 200
    assert "<marimo-" in page.text
    return person


@pytest.mark.timeout(FIRST_START + 900)
def test_make_run_on_a_bare_machine(machine: BareMachine, tmp_path: Path, capsys) -> None:
    clone_of_head(machine, tmp_path)
    before = machine.received()

    first = machine.start(FIRST_START)
    megabytes = (machine.received() - before) / 1e6
    lines = machine.output.strip().splitlines()[-3:]
    assert lines[0].split() == ["Open", "http://localhost:8000"]
    assert [line.split()[0] for line in lines[1:]] == ["People", "Admins"]

    open_notebook(look_after_sign_in(machine, "ada"))
    machine.moss(f"echo mine > {CLONE}/data/users/ada/notebooks/mine.txt")
    password = machine.password
    modes = machine.moss(f"stat -c %a {CLONE}/data/hub/passwords.json")
    assert modes == "600"

    machine.interrupt()
    retry_until(lambda: machine.processes() == [], THE_END, "every process has ended")

    before = machine.received()
    again = machine.start(NEXT_START)
    megabytes_again = (machine.received() - before) / 1e6
    disk = int(machine.moss(f"du -sm {HOME}").split()[0])
    in_clone = int(machine.moss(f"du -sm {CLONE}").split()[0])
    load = Path("/proc/loadavg").read_text().split()[0]
    with capsys.disabled():
        print(
            f"\nbare machine: first start {first:.0f} s, {megabytes:.0f} MB downloaded, "
            f"{disk} MB on disk ({in_clone} MB of it in the clone, the rest caches); "
            f"next start {again:.1f} s, {first / again:.0f} times faster (load {load})"
        )
    assert megabytes_again < 1
    assert again < first  # nothing is installed again; other tests run beside it

    assert machine.password == password
    look_after_sign_in(machine, "ada")
    assert machine.moss(f"cat {CLONE}/data/users/ada/notebooks/mine.txt") == "mine"
    admin = LocalPerson(machine, "admin", machine.admin_password)  # type: ignore[arg-type]
    assert {"ada", "admin"} <= {user["name"] for user in admin.api("GET", "users").json()}
    machine.interrupt()
    retry_until(lambda: machine.processes() == [], THE_END, "every process has ended again")

    # Removing the clone and the caches in the home removes everything.
    assert machine.moss(f"git -C {CLONE} status --porcelain") == ""
    kept = " ".join(f"-not -path '/{top}/*'" for top in ("home", "proc", "srv", "tmp"))
    assert machine.root("sh", "-c", f"find / -xdev -user moss -type f {kept}") == ""
