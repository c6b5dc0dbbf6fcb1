"""A machine of the cluster leaves nothing behind, not even when the tests are killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cluster import tools
from tests.cluster.cluster import Cluster
from tests.cluster.machine import run
from tests.support.paths import ROOT
from tests.support.waiting import wait_until

INTERFACE = "mosshub-test"
# Makes a machine with a program and an interface on this one, says its pid, and waits.
SCRIPT = f"""
import sys, time
from pathlib import Path
from tests.cluster.machine import Machine, run
machine = Machine("lonely", Path(sys.argv[1]), Path(sys.argv[2]))
machine.start("sleep", "600")
run("ip", "link", "add", "{INTERFACE}", "type", "veth", "peer", "name", "host",
    "netns", str(machine.pid))
print(machine.pid, flush=True)
time.sleep(600)
"""


def test_a_machine_ends_with_its_tests_even_by_sigkill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(tools.ensure() / "pause")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout
        machine = Path("/proc") / tests.stdout.readline().strip()
        programs = machine / "task" / machine.name / "children"
        assert machine.is_dir()
        assert Path("/sys/class/net", INTERFACE).exists()
        sleeping = [Path("/proc") / pid for pid in programs.read_text().split()]
        tests.kill()
    wait_until(
        lambda: not any(place.exists() for place in (machine, *sleeping)), 20, "it has ended"
    )
    wait_until(lambda: not Path("/sys/class/net", INTERFACE).exists(), 20, "its network has ended")


def test_a_cluster_leaves_the_firewall_of_this_machine_alone(cluster: Cluster) -> None:
    inside = cluster.nodes["n1"].run("iptables-save")
    assert "KUBE-SERVICES" in inside
    assert "KUBE-" not in run("iptables-save")
