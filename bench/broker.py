"""The embedded broker on this machine: start, memory, idle cost, speed; two ways to run Java.

    python bench/broker.py [--starts 5] [--messages 100000]

Writes bench/results/broker.md. Takes about two minutes; the first run downloads Kafka.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from embedded_kafka import KAFKA_VERSION, EmbeddedBroker
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

RESULTS = Path(__file__).with_name("results") / "broker.md"
VARIANTS = {
    "quick compiler (ours)": (),
    "both compilers (Java's default)": ("-XX:TieredStopAtLevel=4",),
}
IDLE_SECONDS = 20
SIZE = 3072  # bytes of a message: one 32 x 32 RGB image, raw


def cpu_seconds(pid: int) -> float:
    """The CPU time a process has used, in seconds."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def rss_mb(pid: int) -> float:
    """A process's resident memory, in MB."""
    return psutil.Process(pid).memory_info().rss / 1e6


def starts(broker: EmbeddedBroker, count: int) -> dict[str, str]:
    """Median and range of warm starts, CPU and memory after one, a stop, a start after kill -9."""
    seconds, cpu, memory, stops = [], [], [], []
    for _ in range(count):
        begin = time.monotonic()
        broker.start()
        seconds.append(time.monotonic() - begin)
        cpu.append(cpu_seconds(broker.pid or 0))
        memory.append(rss_mb(broker.pid or 0))
        begin = time.monotonic()
        broker.stop()
        stops.append(time.monotonic() - begin)
    broker.start().kill()
    begin = time.monotonic()
    broker.start()
    killed = time.monotonic() - begin
    return {
        "warm start, median (range)": f"{statistics.median(seconds):.1f} s "
        f"({min(seconds):.1f} to {max(seconds):.1f})",
        "CPU of a start": f"{statistics.median(cpu):.1f} s",
        "memory after a start": f"{statistics.median(memory):.0f} MB",
        "stop": f"{statistics.median(stops):.2f} s",
        "start after kill -9": f"{killed:.1f} s",
    }


def idle(broker: EmbeddedBroker) -> dict[str, str]:
    """CPU share of a broker that nobody uses."""
    before = cpu_seconds(broker.pid or 0)
    time.sleep(IDLE_SECONDS)
    share = (cpu_seconds(broker.pid or 0) - before) / IDLE_SECONDS
    return {"idle": f"{100 * share:.1f} % of a core"}


def speed(broker: EmbeddedBroker, count: int) -> dict[str, str]:
    """Messages a second of one Python producer, then of one consumer; the broker's CPU for both."""
    topic = f"bench-{time.time_ns()}"
    servers = broker.bootstrap_servers
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    value = os.urandom(SIZE)
    cpu = cpu_seconds(broker.pid or 0)
    begin = time.monotonic()
    with KafkaProducer(bootstrap_servers=servers, linger_ms=20, batch_size=1 << 20) as producer:
        for _ in range(count):
            producer.send(topic, value)
        producer.flush()
    produced = time.monotonic() - begin
    partition = TopicPartition(topic, 0)
    begin = time.monotonic()
    with KafkaConsumer(bootstrap_servers=servers, fetch_max_bytes=8 << 20) as consumer:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        got = 0
        while got < count:
            got += sum(map(len, consumer.poll(timeout_ms=1000, max_records=5000).values()))
    consumed = time.monotonic() - begin
    used = cpu_seconds(broker.pid or 0) - cpu
    return {
        f"one producer, {SIZE} bytes": f"{count / produced:,.0f}/s",
        f"one consumer, {SIZE} bytes": f"{count / consumed:,.0f}/s",
        "broker's CPU for 1,000 in and out": f"{1e6 * used / count:.0f} ms",
        "memory after that": f"{rss_mb(broker.pid or 0):.0f} MB",
    }


def table(columns: dict[str, dict[str, str]]) -> str:
    """A Markdown table with a column per variant."""
    rows = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name in next(iter(columns.values())):
        rows.append(f"| {name} | {' | '.join(column[name] for column in columns.values())} |")
    return "\n".join(rows)


def main() -> None:
    """Measures each variant in a directory of its own and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--messages", type=int, default=100_000)
    options = parser.parse_args()
    busy = os.getloadavg()[0]
    columns = {}
    for name, java_options in VARIANTS.items():
        with tempfile.TemporaryDirectory() as directory:
            broker = EmbeddedBroker(directory, 0, java_options=java_options)
            broker.prepare()
            try:
                figures = starts(broker, options.starts)
                columns[name] = figures | idle(broker) | speed(broker, options.messages)
            finally:
                broker.stop()
    text = (
        f"# The embedded broker: Apache Kafka {KAFKA_VERSION}\n\n"
        f"`python bench/broker.py --starts {options.starts} --messages {options.messages}`, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}; other programs' load on the "
        f"machine when it began: {busy:.1f}.\n\n{table(columns)}\n"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
