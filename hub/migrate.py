"""`python -m hub.migrate`: copy the hub's database from SQLite to the Postgres of DATABASE_URL.

The hub must not run meanwhile: `make migrate-database` sees to that. The SQLite file stays.
"""

import logging
import sys

from jupyterhub import dbutil, orm
from sqlalchemy import Connection, Table, create_engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from hub.database import DatabaseUnavailable, database_url, is_postgres, sqlite_file
from hub.settings import SettingsError, load_settings

_BATCH_ROWS = 1000


class NotPossible(Exception):
    """The databases are not what a migration needs; the message says why."""


def migrate(source: str, target: str) -> dict[str, int]:
    """Copy every row of JupyterHub's tables.

    Args:
        source: address of the hub's database, as SQLAlchemy takes it.
        target: address of a database without users.

    Returns:
        The number of rows by table.

    Raises:
        NotPossible: the target has users already.
    """
    dbutil.upgrade_if_needed(source, log=logging.getLogger("mosshub"))
    orm.new_session_factory(target)().close()  # makes the tables, and notes their version
    old, new = create_engine(source), create_engine(target)
    tables = orm.Base.metadata.sorted_tables
    try:
        with old.connect() as reading, new.begin() as writing:
            if writing.execute(select(func.count()).select_from(orm.User.__table__)).scalar_one():
                raise NotPossible("the database of DATABASE_URL has users already")
            for table in reversed(tables):  # such as the roles of a hub that was started once
                writing.execute(table.delete())
            return {table.name: _copy(reading, writing, table) for table in tables}
    finally:
        old.dispose()
        new.dispose()


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    rows = [dict(row._mapping) for row in reading.execute(select(table))]
    for first in range(0, len(rows), _BATCH_ROWS):
        writing.execute(table.insert(), rows[first : first + _BATCH_ROWS])
    if writing.dialect.name == "postgresql" and "id" in table.c and rows:
        # The next row gets the next number.
        sequence = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
        writing.execute(sequence, {"name": table.name, "last": max(row["id"] for row in rows)})
    return len(rows)


def main() -> int:
    """Copy the database of this platform; return the exit status."""
    try:
        settings = load_settings()
        if not is_postgres(settings):
            raise NotPossible("DATABASE_URL is not set, so there is nowhere to copy to")
        source = sqlite_file(settings)
        if not source.exists():
            raise NotPossible(f"there is no SQLite database: {source} is missing")
        counts = migrate(f"sqlite:///{source}", database_url(settings))
    except SQLAlchemyError as error:
        print(f"Nothing was copied: {DatabaseUnavailable(error)}.", file=sys.stderr)
        return 1
    except (SettingsError, NotPossible) as error:
        print(f"Nothing was copied: {error}.", file=sys.stderr)
        return 1
    print(f"Copied {counts['users']} users, {sum(counts.values())} rows in all.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
