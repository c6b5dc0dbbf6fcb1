"""The Java command line, and the tool that sets a directory up."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from importlib import resources

from embedded_kafka.diagnosis import diagnose
from embedded_kafka.errors import BrokerError
from embedded_kafka.jars import KAFKA_VERSION, class_path
from embedded_kafka.java import find_java
from embedded_kafka.process import java_environment
from embedded_kafka.properties import render, server_properties
from embedded_kafka.storage import Storage


def java_command(storage: Storage, heap_mb: int, options: Sequence[str] = ()) -> list[str]:
    """Return the Java executable and its options; the class to run and its arguments follow.

    Args:
        storage: where the class path is written, and Kafka's log.
        heap_mb: Java's heap in MiB.
        options: more options, which win over these.

    Raises:
        BrokerError: there is no fitting Java, or a jar is missing and cannot be downloaded.
    """
    executable, major = find_java()
    arguments = storage.directory / "java.args"  # keeps 46 paths out of the process list
    jars = os.pathsep.join(map(str, class_path()))
    quoted = jars.replace("\\", "\\\\").replace('"', '\\"')
    arguments.write_text(f'-cp "{quoted}"\n', "utf-8")
    native = storage.directory / "native"
    shutil.rmtree(native, ignore_errors=True)  # a killed broker leaves its own
    native.mkdir()
    log4j = resources.files(__package__).joinpath("log4j2.xml")
    command = [
        str(executable),
        f"@{arguments}",
        f"-Dlog4j2.configurationFile={log4j}",
        f"-Dkafka.log.file={storage.log_file}",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        # Java unpacks the libraries of snappy, lz4 and zstd there; /tmp may be noexec.
        f"-Djava.io.tmpdir={native}",
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        # The quick compiler only: sooner ready, 40 MB less, and Python clients are slower than the
        # broker in any case (bench/results/broker.md). An AOT cache would win another 0.4 s, for
        # 69 MB, 6 s at the first stop and warnings at each start.
        "-XX:TieredStopAtLevel=1",
        "--enable-native-access=ALL-UNNAMED",
    ]
    if major >= 23:
        command.append("--sun-misc-unsafe-memory-access=allow")  # Kafka 4.3 still uses it
    return [*command, *options]


def format_storage(storage: Storage, command: Sequence[str]) -> None:
    """Set up an empty directory for Kafka, with the Java `command` of `java_command`.

    Kafka's tool works in a directory beside the right place, which is moved there when complete. A
    set-up that is interrupted by Ctrl-C or a full disk is simply done again.

    Raises:
        BrokerError: the tool failed.
    """
    for left in storage.directory.glob("log.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    new = storage.log_dir.with_suffix(f".new-{uuid.uuid4().hex[:8]}")
    settings = storage.directory / "format.properties"
    settings.write_text(render(server_properties(new, 9092, 9093)), "utf-8")
    # Kafka's form of a UUID; Kafka's own too avoids a leading "-", which looks like an option.
    cluster = "m" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
    answer = subprocess.run(
        [*command, *tool],
        env=java_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        output = (answer.stdout + answer.stderr).splitlines()
        reason = diagnose(output, storage.directory, 0, KAFKA_VERSION)
        shown = "\n".join(f"  | {line}" for line in output[-15:])
        raise BrokerError(f"{storage.directory} could not be set up for Kafka. {reason}\n{shown}")
    new.replace(storage.log_dir)
    settings.unlink()
