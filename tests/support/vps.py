"""A machine as a provider rents it: Debian 12 with systemd as its first process, in a container.

Newer systemd than Debian 12's refuses version 1 of control groups, which some test machines have.
The file system is debootstrap's, from Debian's packages. A Docker engine that is installed within
keeps its data in a volume, because overlay file systems do not lie on each other.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from tests.standins import build, debian
from tests.standins.engine import docker, image_label
from tests.support.containers import Container, Containers
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

SUITE = "bookworm"
IMAGE = "mosshub-test/vps:debian-12"
# What a provider's image has beyond the minimal system; Docker is not in it.
PACKAGES = (
    "ca-certificates,curl,dbus,iproute2,iptables,kmod,openssh-server,procps,systemd,systemd-sysv"
)
SOURCES = f"""\
deb {debian.MIRROR} {SUITE} main
deb {debian.MIRROR} {SUITE}-updates main
deb {debian.MIRROR}-security {SUITE}-security main
"""
BOOT_TIMEOUT_S = 300.0
# What systemd and an engine need; not every test machine has all that --privileged asks for.
CAPABILITIES = (
    *("AUDIT_CONTROL", "DAC_READ_SEARCH", "IPC_LOCK", "IPC_OWNER", "LEASE", "LINUX_IMMUTABLE"),
    *("NET_ADMIN", "NET_BROADCAST", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_PTRACE"),
)
# Docker mounts control groups and /sys read-only.
BOOT = """
for place in /sys $(awk '$2 ~ "^/sys/fs/cgroup" { print $2 }' /proc/mounts); do
  mount -o remount,rw,bind "$place"
done
exec /sbin/init
"""


def ensure_image() -> str:
    """Build the machine's image if it is missing or of another recipe; return its tag."""
    recipe = SUITE + PACKAGES + SOURCES + debian.fingerprint()
    fingerprint = hashlib.sha256(recipe.encode()).hexdigest()
    if image_label(IMAGE, build.LABEL) == fingerprint:
        return IMAGE
    assert build.can_build(), "the machine's file system needs root and debootstrap"
    build.SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.SCRATCH) as scratch:
        _build(Path(scratch), fingerprint)
    return IMAGE


def _build(scratch: Path, fingerprint: str) -> None:
    root, archive = scratch / "root", scratch / "root.tar"
    made = ["--variant=minbase", f"--include={PACKAGES}", f"--keyring={debian.KEYRING}"]
    done = subprocess.run(
        ["debootstrap", *made, SUITE, root, debian.MIRROR], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    (root / "etc/apt/sources.list").write_text(SOURCES)
    (root / "etc/apt/apt.conf.d/host").write_text(debian.host_apt_settings())
    variables = {"container": "docker"}
    if debian.authorities():
        debian.trust_authorities(root)
        variables |= dict.fromkeys(debian.BUNDLE_VARIABLES, str(debian.BUNDLE))
    debian.slim(root)
    subprocess.run(["tar", "-C", root, "--numeric-owner", "-cf", archive, "."], check=True)
    changes = [f"ENV {name}={value}" for name, value in variables.items()]
    changes.append(f"LABEL {build.LABEL}={fingerprint}")
    docker("import", *(f"--change={c}" for c in changes), archive, IMAGE, timeout=300)


class Vps:
    """The running machine.

    Args:
        containers: what removes it at the end of the test.
        names: host names that lead the machine to itself, as records of the DNS would.
    """

    def __init__(self, containers: Containers, *names: str) -> None:
        self.box: Container = containers.run(
            *(f"--cap-add={capability}" for capability in CAPABILITIES),
            *(f"--security-opt={area}=unconfined" for area in ("apparmor", "seccomp")),
            *("--security-opt=systempaths=unconfined", "--device-cgroup-rule=a *:* rwm"),
            *("--cgroupns=private", "--stop-signal=SIGRTMIN+3", "--restart=always"),
            *("--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec"),
            *("--hostname=moss", "--volume=/var/lib/docker"),
            *(f"--add-host={name}:127.0.0.1" for name in names),
            *(ensure_image(), "bash", "-c", BOOT),
        )
        self.wait_for_boot()

    @property
    def address(self) -> str:
        """The machine's address for this host; a reboot may change it."""
        form = "{{.NetworkSettings.IPAddress}}"
        return docker("inspect", "--format", form, self.box.name)

    @property
    def gateway(self) -> str:
        """This host's address for the machine."""
        return docker("inspect", "--format", "{{.NetworkSettings.Gateway}}", self.box.name)

    def wait_for_boot(self) -> None:
        """Wait until systemd has started what it starts."""

        def booted() -> bool:
            state = self.shell("systemctl is-system-running --wait; true", timeout=BOOT_TIMEOUT_S)
            return state.stdout.strip() in ("running", "degraded")

        retry_until(booted, BOOT_TIMEOUT_S, "systemd has started the machine")

    def shell(
        self, script: str, *, stdin: str = "", directory: str = "/root", timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as root; its output is standard output and error together."""
        command = ["docker", "exec", "-i", "-w", directory, self.box.name, "bash", "-c", script]
        return subprocess.run(
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout * TIMEOUT_FACTOR,
        )

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        done = self.shell(f"cat > {path}", stdin=text)
        assert done.returncode == 0, done.stdout

    def reboot(self) -> None:
        """Restart the machine as its admin does, and wait until it has started.

        systemd asks the kernel to restart, which ends the container; the engine starts it again.
        """
        started = self.box.state("StartedAt")
        self.shell("systemctl reboot")
        retry_until(
            lambda: self.box.state("StartedAt") != started and self.box.state("Running") == "true",
            BOOT_TIMEOUT_S,
            "the machine starts again",
        )
        self.wait_for_boot()

    def load(self, *images: str) -> None:
        """Give images of this host's engine to the machine's, where none can be pulled."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
            command = ["docker", "exec", "-i", self.box.name, "docker", "load", "--quiet"]
            subprocess.run(command, stdin=saving.stdout, check=True, timeout=900 * TIMEOUT_FACTOR)
        assert saving.returncode == 0
