"""A backup of a platform at work, brought back under another name: everything is as it was then."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.standins import ensure
from tests.standins.engine import docker
from tests.support.members import Team, TeamMember
from tests.support.paths import DOCKER
from tests.support.stack import Stack
from tests.support.waiting import TIMEOUT_FACTOR, retry_until, wait_until

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes

FILES = """
cd && mkdir -p kept/empty 'kept/of the team' && cd kept
printf 'one\\n' > 'of the team/größe.txt' && printf x > $'odd\\nname'
printf '#!/bin/sh\\n' > run && chmod 750 run && ln run link && ln -s ../kept/run pointer
head -c 3M /dev/urandom > random && chmod 400 random && touch -d 2001-02-03T04:05:06.789 random
"""
# Each file's kind, mode, owner, links, time, name and target; then its content.
LOOK = """
cd && find kept -printf '%y %m %U %G %n %T@ %P %l\\0' | sort -z | tr '\\0' '\\t'
find kept -type f -print0 | sort -z | xargs -0 sha256sum
"""

# An hour ago: what is older than its topic's retention goes by itself.
WRITE = """
import time
from imageclass.kafka.credentials import find_account
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
known = {"bootstrap_servers": "kafka:9092", **find_account().settings}
with KafkaAdminClient(**known) as admin:
    admin.create_topics({"ada.kept": {"num_partitions": 2}, "ada.busy": {"num_partitions": 1}})
begin = int(time.time() * 1000) - 3_600_000
with KafkaProducer(**known, compression_type="zstd", linger_ms=20) as producer:
    for n in range(400):
        own = {"headers": [("name", b"\\xff\\x00"), ("empty", b"")], "timestamp_ms": begin + n}
        producer.send("ada.kept", b"%d" % n, b"key", partition=n % 2, **own)
    producer.send("ada.kept", None, b"deleted", partition=0).get(60)
with KafkaConsumer(**known, group_id="ada.reader", max_poll_records=7) as consumer:
    place = TopicPartition("ada.kept", 1)
    consumer.assign([place])
    consumer.seek(place, 63)
    consumer.commit()
"""
# What comes after the backup, and is not in it.
SPOIL = """
from imageclass.kafka.credentials import find_account
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
known = {"bootstrap_servers": "kafka:9092", **find_account().settings}
with KafkaProducer(**known) as producer:
    producer.send("ada.kept", b"later", partition=1).get(60)
with KafkaConsumer(**known, group_id="ada.reader") as consumer:
    place = TopicPartition("ada.kept", 1)
    consumer.assign([place])
    consumer.seek(place, 99)
    consumer.commit()
"""
READ = """
import json
from imageclass.kafka.credentials import find_account
from kafka import KafkaConsumer, TopicPartition
known = {"bootstrap_servers": "kafka:9092", **find_account().settings}
def of(record):
    headers = [[name, value.hex()] for name, value in record.headers]
    return [str(record.key), str(record.value), headers, record.timestamp]
def all_of(place):
    with KafkaConsumer(**known) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end, found = consumer.end_offsets([place])[place], []
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=500).values():
                found += map(of, records)
        return found
def next_of(place):
    with KafkaConsumer(**known, group_id="ada.reader", enable_auto_commit=False) as consumer:
        consumer.assign([place])
        while not (found := consumer.poll(timeout_ms=500, max_records=1)):
            pass
        return of(found[place][0])
print(json.dumps({
    "account": known["sasl_plain_password"],
    "messages": [all_of(TopicPartition("ada.kept", n)) for n in (0, 1)],
    "next": next_of(TopicPartition("ada.kept", 1)),
}))
"""
# What goes on while a backup is made: a message every millisecond, and how many are there for sure.
WORK = """
import itertools, os, time
from imageclass.kafka.credentials import find_account
from kafka import KafkaProducer
with KafkaProducer(bootstrap_servers="kafka:9092", linger_ms=5, **find_account().settings) as out:
    for n in itertools.count():
        sent = out.send("ada.busy", b"%d" % n)
        if n % 100 == 99:
            sent.get(600)  # a broker among other tests may have no processor for a minute
            with open("/tmp/sent", "w") as file:
                file.write(str(n + 1))
            if os.path.exists("/tmp/enough"):
                break
        time.sleep(0.001)
"""
BUSY = """
import json
from imageclass.kafka.credentials import find_account
from kafka import KafkaConsumer
with KafkaConsumer(
    "ada.busy", bootstrap_servers="kafka:9092", auto_offset_reset="earliest",
    consumer_timeout_ms=8000, **find_account().settings,
) as consumer:
    print(json.dumps([int(record.value) for record in consumer]))
"""
USERS = """
import json
from jupyterhub import orm
from hub.database import database_url
from hub.settings import load_settings
db = orm.new_session_factory(database_url(load_settings()))()
print(json.dumps({
    user.name: [user.admin, str(user.created), sorted(group.name for group in user.groups)]
    for user in db.query(orm.User)
}))
"""


@dataclass
class Backup:
    """A backup, and what was on the platform when it was made.

    Attributes:
        repository: the directory that it went to.
        users: each user's rights, time of the first sign-in, and groups.
        files: what ada's directory `kept` holds.
        broker: ada's password, messages, and the next message of her group.
        sent: so many of the messages that were sent meanwhile were there before the backup began.
        said: what `make backup` printed.
    """

    repository: Path
    users: dict[str, Any]
    files: str
    broker: dict[str, Any]
    sent: int
    said: str


@pytest.fixture(scope="module")
def ada_at_work(team: Team) -> Iterator[TeamMember]:
    with team.at_work("ada") as member:
        yield member


@pytest.fixture(scope="module")
def backup(
    stack: Stack, ada_at_work: TeamMember, tmp_path_factory: pytest.TempPathFactory
) -> Backup:
    """A backup that was made under load; afterwards all that it has of ada is lost."""
    ada = ada_at_work
    made = ada.attempt(FILES)
    assert made.returncode == 0, made.stderr
    ada.with_account(WRITE)
    before = (
        json.loads(stack.in_hub(USERS)),
        ada.attempt(LOOK).stdout,
        json.loads(ada.with_account(READ)),
    )
    said = tmp_path_factory.mktemp("work") / "said"
    work = start_work(ada, said)
    try:
        sent = wait_until(lambda: int(ada.attempt("cat /tmp/sent").stdout or 0), 60, "messages")
        assert sent >= 100
        repository = tmp_path_factory.mktemp("backups")
        done = stack.script("backup", TO=str(repository))
        assert work.poll() is None, said.read_text()
    finally:
        ada.attempt("touch /tmp/enough")
        work.wait(60)
    assert done.returncode == 0, done.stdout
    ada.attempt("rm -rf ~/kept")
    ada.with_account(SPOIL)
    return Backup(repository, *before, sent, done.stdout)


def start_work(ada: TeamMember, said: Path) -> subprocess.Popen:
    account = "export MOSSHUB_BROKER_ACCOUNT=$(echo /dev/shm/mosshub-*/broker-account.json)"
    script = f'{account}; exec python -c "$1"'
    command = ["docker", "exec", "--user", "1000", ada.container, "bash", "-c", script, "-", WORK]
    with said.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output)


@pytest.fixture(scope="module")
def other(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A platform of another name at another address, with nothing in it."""
    new = Stack(tmp_path_factory.mktemp("other"))
    new.environment["BUILD"] = "no"
    yield new
    new.remove()


@pytest.fixture(scope="module")
def restored(stack: Stack, backup: Backup, other: Stack) -> Stack:
    """That platform with the backup in it."""
    other.secrets.mkdir(exist_ok=True)
    (other.secrets / "backup_passphrase").write_text(stack.secret("backup_passphrase"))
    done = other.script("restore", FROM=str(backup.repository))
    assert done.returncode == 0, done.stdout
    up = other.script("up")
    assert up.returncode == 0, up.stdout[-6000:]
    return other


@pytest.fixture(scope="module")
def ada_there(restored: Stack) -> Iterator[TeamMember]:
    with Team(restored).at_work("ada") as member:
        yield member


def lines_of_backups(stack: Stack, repository: Path) -> list[str]:
    done = stack.script("backup", "list", TO=str(repository), BUILD="no")
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def test_a_backup_says_what_is_in_it_and_is_listed(stack: Stack, backup: Backup) -> None:
    assert "backup_passphrase. Keep a copy elsewhere" in backup.said
    assert (stack.secrets / "backup_passphrase").stat().st_size == 48
    [line] = lines_of_backups(stack, backup.repository)
    assert f"{len(backup.users)} users, " in line and "secrets" in line
    assert stack.name in line


def test_a_backup_that_is_killed_leaves_the_last_good_one(
    stack: Stack, backup: Backup, ada_at_work: TeamMember
) -> None:
    ada_at_work.attempt("head -c 400M /dev/urandom > ~/large")
    running = subprocess.Popen(
        [DOCKER / "backup"],
        env={**stack.environment, "TO": str(backup.repository), "BUILD": "no"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        kill_while_restic_saves(stack, running)
        said, _ = running.communicate(timeout=60)
    finally:
        running.kill()
        ada_at_work.attempt("rm ~/large")
    assert running.returncode != 0, said
    assert len(lines_of_backups(stack, backup.repository)) == 1


def kill_while_restic_saves(stack: Stack, running: subprocess.Popen) -> None:
    """Kill the container of a backup when its restic is at work, which may take a second only."""
    deadline = time.monotonic() + 120 * TIMEOUT_FACTOR
    while running.poll() is None and time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            if not re.search(r" backup --exclude", " ".join(process.info["cmdline"] or ())):
                continue
            with suppress(OSError):
                groups = Path(f"/proc/{process.pid}/cgroup").read_text()
                if (found := re.search("[0-9a-f]{64}", groups)) and is_of(stack, found[0]):
                    docker("kill", found[0])
                    return
        time.sleep(0.05)
    running.kill()
    pytest.fail(f"restic was not seen at work: {running.communicate()[0]}")


def is_of(stack: Stack, container: str) -> bool:
    return docker("inspect", "--format", "{{.Name}}", container).startswith(f"/{stack.name}-backup")


def test_a_wrong_passphrase_is_told(backup: Backup, other: Stack) -> None:
    other.secrets.mkdir(exist_ok=True)
    passphrase = other.secrets / "backup_passphrase"
    passphrase.write_text("not that")
    done = other.script("restore", FROM=str(backup.repository))
    assert done.returncode == 1
    assert "backup_passphrase is not that of" in done.stdout
    assert not other.settings.exists()
    passphrase.unlink()


def test_users_and_their_groups_are_there_again(restored: Stack, backup: Backup) -> None:
    assert backup.users["ada"][2] == ["team"]
    assert json.loads(restored.in_hub(USERS)) == backup.users
    assert "Hub and broker agree." in restored.compose(
        *("exec", "-T", "hub", "python", "-m", "hub.accounts", "check")
    )


def test_files_are_as_they_were(ada_there: TeamMember, backup: Backup) -> None:
    assert backup.files.count("\t") == 9
    assert ada_there.attempt(LOOK).stdout == backup.files


def test_messages_groups_and_the_account_are_as_they_were(
    ada_there: TeamMember, backup: Backup
) -> None:
    assert [len(messages) for messages in backup.broker["messages"]] == [201, 200]
    assert backup.broker["next"][1] == "b'127'"
    assert json.loads(ada_there.with_account(READ)) == backup.broker


def test_what_was_written_meanwhile_has_no_gap(ada_there: TeamMember, backup: Backup) -> None:
    busy = json.loads(ada_there.with_account(BUSY))
    assert len(busy) >= backup.sent
    assert busy == list(range(len(busy)))


def test_a_platform_in_use_is_not_overwritten(restored: Stack, backup: Backup) -> None:
    done = restored.script("restore", FROM=str(backup.repository))
    assert done.returncode == 1
    assert f"{restored.name} is running" in done.stdout


def test_one_person_gets_one_file_back(
    stack: Stack, backup: Backup, ada_at_work: TeamMember
) -> None:
    own = {"FROM": str(backup.repository), "NAME": "ada", "BUILD": "no"}
    done = stack.script("restore", "user", FILE="kept/of the team/größe.txt", **own)
    assert done.returncode == 0, done.stdout
    found = ada_at_work.attempt("cd ~/restored-*/kept/* && cat größe.txt && ls").stdout
    assert found.splitlines() == ["one", "größe.txt"]
    missing = stack.script("restore", "user", FILE="kept/none", **own)
    assert missing.returncode == 1
    assert "The backup has no file kept/none of ada." in missing.stdout
    ada_at_work.attempt("rm -r ~/restored-*")


def test_a_hub_moves_to_postgres_and_is_saved_every_day(
    restored: Stack, ada_there: TeamMember, tmp_path: Path
) -> None:
    """The server of somebody at work runs on, and the daily backup has what Postgres has."""
    ensure("postgres:17.12")
    users, servers = json.loads(restored.in_hub(USERS)), restored.servers()
    restored.environment["DATABASE_URL"] = "postgresql://mosshub@postgres/mosshub"
    moved = restored.script("migrate-database")
    assert moved.returncode == 0, moved.stdout[-6000:]
    soon = datetime.now(UTC) + timedelta(minutes=3)  # a whole minute, two at least from now
    restored.environment |= {"BACKUP_TO": str(tmp_path), "BACKUP_TIMEZONE": "UTC"}
    restored.environment["BACKUP_AT"] = f"{soon:%H:%M}"
    up = restored.script("up")
    assert up.returncode == 0, up.stdout[-6000:]
    count = ("psql", "--username=mosshub", "--tuples-only", "--command=SELECT count(*) FROM users")
    assert int(docker("exec", restored.container("postgres"), *count)) == len(users)
    assert json.loads(restored.in_hub(USERS)) == users
    assert restored.servers() == servers
    assert ada_there.start().ok
    retry_until(lambda: "users, " in restored.logs("backup"), 240, "the daily backup is made")
    [line] = lines_of_backups(restored, tmp_path)
    assert f"{len(users)} users, " in line
