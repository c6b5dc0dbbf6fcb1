"""What the program in front of marimo imports: modules are counted, not seconds."""

import subprocess
import sys

import pytest

# 651 on the day of this test, and 914 with the hub's database.
MAX_MODULES = 700
COUNT = (
    "import sys\n"
    "{first}"
    "import marimo_singleuser.app\n"
    "print(len(sys.modules), 'alembic' in sys.modules, 'sqlalchemy.engine' in sys.modules)"
)
DEFER = "from marimo_singleuser.hub_library import defer_database\ndefer_database()\n"


def imported(first: str = "", then: str = "") -> list[str]:
    program = COUNT.format(first=first) + then
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return done.stdout.split()


def test_the_program_imports_no_database() -> None:
    count, *database = imported(DEFER)
    assert database == ["False", "False"]
    assert int(count) <= MAX_MODULES


@pytest.mark.slow
def test_jupyterhub_still_imports_its_database() -> None:
    """The fault that `defer_database` works around."""
    assert imported()[1:] == ["True", "True"]


@pytest.mark.slow
def test_whoever_needs_the_database_gets_it() -> None:
    use = (
        "\nimport jupyterhub.orm, sqlalchemy\nprint(jupyterhub.orm.User.__name__, sqlalchemy.func)"
        "\nfrom sqlalchemy.exc import OperationalError, SQLAlchemyError"
        "\nprint(issubclass(OperationalError, SQLAlchemyError))"
    )
    said = imported(DEFER, use)
    assert said[3] == "User" and said[-1] == "True"
