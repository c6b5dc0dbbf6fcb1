"""What the topics of many people cost three brokers, as pods of the chart.

    make bench PART=brokers
    python -m bench brokers --people 100

Whoever streams has six topics with 21 partitions and three copies. Those of none, a quarter, half
and all of the people are made; then the brokers rest, and one is ended in order, then killed.
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

from bench.samples import Recording
from tests.cluster.cluster import Cluster
from tests.cluster.platform import SMALL, ClusterPlatform, images
from tests.cluster.pods import Namespace
from tests.support import host_names
from tests.support.waiting import wait_until

BROKERS = ("kafka-0", "kafka-1", "kafka-2")
REST_S = 60.0
SETTLE_S = 30.0
READY_TIMEOUT_S = 600
#: Makes the topics of the people from one number to another, in the hub's pod.
MAKE_TOPICS = """
import sys
from hub.accounts import make_reconciler
from hub.settings import load_settings
from mosshub_contract.topics import topic_settings
kafka = make_reconciler(load_settings(), list)._kafka
made = {}
for number in range(int(sys.argv[1]), int(sys.argv[2])):
    made |= topic_settings(f"person-{number:04}.")
kafka.create_topics(made)
"""
#: Prints Java's processor time in hundredths of a second, and its memory in kB.
READ_USE = """
for process in /proc/[0-9]*; do
  if [ "$(cat $process/comm)" = java ]; then
    cut -d " " -f 14,15 $process/stat
    grep VmRSS $process/status
  fi
done
"""


def measure(recording: Recording, rounds: int, *, people: int) -> None:
    """Take the figures; once, whatever `rounds` is.

    Args:
        recording: takes the figures.
        rounds: not used: one round takes a quarter of an hour.
        people: how many stream in the end.
    """
    host_names.install()
    cluster = Cluster()
    with tempfile.TemporaryDirectory(prefix="mosshub-bench-") as scratch:
        try:
            cluster.start(3, images())
            space = Namespace(cluster, "brokers")
            small = {name: SMALL[name] for name in ("edge", "proxy", "hub", "prepull")}
            platform = ClusterPlatform(cluster, space.name, Path(scratch), kafka={}, **small)
            try:
                platform.install()
                _take(recording, platform, people)
            finally:
                platform.stop()
        finally:
            cluster.stop()


def _take(recording: Recording, platform: ClusterPlatform, people: int) -> None:
    made = 0
    for count in (0, people // 4, people // 2, people):
        subject = f"{count} stream"
        began = time.monotonic()
        make = ("exec", "deployment/hub", "--", "python", "-c", MAKE_TOPICS, f"{made}", f"{count}")
        platform.kubectl(*make, timeout=1200)
        if count > made:
            took = time.monotonic() - began
            recording.add("topics_made", subject, 1, took / (count - made))
        made = count
        time.sleep(SETTLE_S)
        before = [use(platform, broker)[0] for broker in BROKERS]
        began = time.monotonic()
        time.sleep(REST_S)
        passed = time.monotonic() - began
        for broker, used in zip(BROKERS, before, strict=True):
            processor, memory = use(platform, broker)
            recording.add("broker_cpu", subject, 1, 100 * (processor - used) / passed)
            recording.add("broker_memory", subject, 1, memory)
        for measure, grace in (("broker_ended", 60), ("broker_killed", 0)):
            recording.add(measure, subject, 1, _start_again(platform, grace))
            time.sleep(SETTLE_S)


def use(platform: ClusterPlatform, broker: str) -> tuple[float, float]:
    """Return a broker's processor time in seconds, and its memory in MB."""
    said = platform.kubectl("exec", broker, "--", "bash", "-c", READ_USE)
    user, system, memory = map(int, re.findall(r"\d+", said))
    return (user + system) / 100, memory * 1024 / 1e6


def _start_again(platform: ClusterPlatform, grace: int) -> float:
    """Return after how many seconds a broker that is ended or killed is ready again."""
    name = BROKERS[0]
    before = platform.cluster.get("pod", name, "-n", platform.namespace)["metadata"]["uid"]
    began = time.monotonic()
    force = ["--force"] if not grace else []
    platform.kubectl("delete", "pod", name, f"--grace-period={grace}", *force)

    def ready() -> bool:
        (pod,) = platform.cluster.get(
            *("pods", "-n", platform.namespace, f"--field-selector=metadata.name={name}")
        )["items"] or [{}]
        if not pod or pod["metadata"]["uid"] == before:
            return False
        return any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in pod["status"].get("conditions", ())
        )

    wait_until(ready, READY_TIMEOUT_S, "the broker is ready")
    return time.monotonic() - began
