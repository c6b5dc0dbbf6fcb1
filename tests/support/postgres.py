"""A Postgres of a test's own, from the system's package."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from mosshub_contract.ports import free_port

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/none"))
USER, DATABASE = "mosshub", "hub"


class Postgres:
    """A running server with the user `mosshub` and an empty database `hub`.

    Args:
        host: the address of this machine at which it listens, to whoever knows the password.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = free_port()
        self.password = secrets.token_hex(8)
        # Postgres does not run as root; its own user reaches no directory of pytest's.
        self.owner = "postgres" if os.geteuid() == 0 else None
        self.directory = Path(tempfile.mkdtemp(prefix="mosshub-postgres-"))

    @property
    def address(self) -> str:
        """What DATABASE_URL is, without the password."""
        return f"postgresql://{USER}@{self.host}:{self.port}/{DATABASE}"

    @property
    def url(self) -> str:
        """The address as SQLAlchemy takes it."""
        name = f"{USER}:{self.password}@{self.host}:{self.port}/{DATABASE}"
        return f"postgresql+psycopg://{name}"

    def __enter__(self) -> Self:
        if self.owner:
            shutil.chown(self.directory, self.owner)
        password = self.directory / "password"
        password.write_text(self.password)
        password.chmod(0o644)
        data = self.directory / "data"
        self._run("initdb", f"--pgdata={data}", "--auth=scram-sha-256", f"--username={USER}",
                  f"--pwfile={password}", "--no-sync")  # fmt: skip
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 0.0.0.0/0 scram-sha-256\n")
        options = f"-F -c listen_addresses={self.host} -p {self.port} -k {self.directory}"
        log = self.directory / "log"
        self._run("pg_ctl", "start", f"--pgdata={data}", f"--log={log}", f"--options={options}")
        self.create()
        return self

    def create(self) -> None:
        """Make the database, without tables."""
        self.command(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.command(f"CREATE DATABASE {DATABASE}")

    def command(self, sql: str, database: str = "postgres") -> str:
        """Run a statement, by default in the server's own database; return what it prints."""
        to = (f"--host={self.directory}", f"--port={self.port}", f"--username={USER}")
        return self._run("psql", *to, f"--dbname={database}", "--tuples-only", f"--command={sql}")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [PROGRAMS / program, *arguments],
            cwd=self.directory,
            env={**os.environ, "PGPASSWORD": self.password},
            user=self.owner,
            # pg_ctl's server keeps what it inherits open.
            stdout=(output := (self.directory / "said").open("w+")),
            stderr=subprocess.STDOUT,
        )
        output.seek(0)
        said = output.read()
        output.close()
        assert done.returncode == 0, said
        return said.strip()

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "stop", f"--pgdata={self.directory / 'data'}", "--mode=immediate")
        shutil.rmtree(self.directory)
