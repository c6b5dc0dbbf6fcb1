"""The house rules of the code: sizes, no import circles, and no name that was given up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "backup",
    "hub",
    "marimo_singleuser",
    "imageclass",
    "embedded_kafka",
    "mosshub_contract",
    "smoke",
    "supply",
    "watch",
)

MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 60

HUB = ("hub", "jupyterhub_config.py")
SINGLEUSER = ("singleuser",)
IMAGECLASS = ("shared_lib/imageclass", "notebooks")
AGENTS = ("shared_lib/imageclass/agents",)
RUNS = ("shared_lib/imageclass/runs",)
CODE = ("backup", "smoke", "supply", "watch", *HUB, *SINGLEUSER, "shared_lib")
TOOLS = ("bench", "docker", "docs")
TESTS = ("tests",)
EVERYWHERE = (*CODE, *TOOLS, "notebooks", *TESTS)


@dataclass(frozen=True)
class Source:
    """What the rules need to know of a file.

    Attributes:
        lines: how many it has.
        functions: the lines of the longest function of each name.
        imported: the full names that it imports.
        strings: all its strings below one another.
        definitions: names of functions, classes, arguments and variables.
        identifiers: names of all that is defined or used.
    """

    lines: int
    functions: dict[str, int]
    imported: set[str]
    strings: str
    definitions: set[str]
    identifiers: set[str]


@cache
def source(path: Path) -> Source:
    """Parse a file once for all rules: its tree is walked once and not kept."""
    text = path.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(text, str(path))))
    return Source(
        len(text.splitlines()),
        function_lines(nodes),
        *imports_and_strings(nodes),
        definitions(nodes),
        identifiers(nodes),
    )


def function_lines(nodes: list[ast.AST]) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            found[node.name] = max(found.get(node.name, 0), lines)
    return found


@cache
def files(*places: str) -> list[Path]:
    """Return the Python files in these files and folders; this one is left out."""
    found: list[Path] = []
    for place in places:
        path = ROOT / place
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    skipped = {"node_modules", "__pycache__", "__marimo__", ".venv"}
    return [p for p in found if p != Path(__file__) and not skipped.intersection(p.parts)]


@pytest.mark.parametrize("path", files(*CODE, *TOOLS), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_and_so_are_its_functions(path: Path) -> None:
    assert source(path).lines <= MAX_MODULE_LINES
    long = {n: lines for n, lines in source(path).functions.items() if lines > MAX_FUNCTION_LINES}
    assert not long, f"functions of more than {MAX_FUNCTION_LINES} lines"


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Which module imports which, also in functions, but not only for type checkers."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Return a circle of imports for each module that is first met on one."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            found.append([*path[path.index(module) :], module])
        elif module not in done:
            for imported in sorted(imports.get(module, ())):
                visit(imported, [*path, module])
            done.add(module)

    for module in sorted(imports):
        visit(module, [])
    return found


def test_no_module_imports_itself_by_way_of_others(imports: dict[str, set[str]]) -> None:
    assert len(imports) > 100
    assert circles(imports) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c", "a"]]


@dataclass(frozen=True)
class Old:
    """A row of the table of names that were given up.

    Attributes:
        name: what stands there now.
        modules: dotted names of modules that are gone.
        identifiers: names that nothing in `places` has or uses any more.
        definitions: names of which nothing in `places` defines one: functions, classes, and
            arguments or variables. As attributes of other packages' objects they may be used.
        parts: words that are no part of any identifier in `places`.
        places: where to look for identifiers.
    """

    name: str
    modules: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    places: tuple[str, ...] = IMAGECLASS


ROWS = [
    Old(
        "imageclass.runs.classify",
        modules=("imageclass.asking",),
        identifiers=("Sent", "replies"),
    ),
    Old(
        "imageclass.runs.classify.submit and collect",
        definitions=("send", "answers"),
        places=("shared_lib/imageclass/runs/classify.py",),
    ),
    Old(
        "imageclass.notebook",
        modules=("imageclass.anywhere",),
        identifiers=("unattended", "alone"),
        places=("shared_lib/imageclass/notebook.py", "notebooks"),
    ),
    Old(
        "imageclass.models.registry",
        modules=("imageclass.versions",),
        identifiers=("train_version", "Version"),
    ),
    Old(
        "imageclass.kafka.credentials",
        modules=("imageclass.account",),
        identifiers=("NoAccount",),
        places=EVERYWHERE,
    ),
    Old(
        "imageclass.kafka.librdkafka and publisher",
        modules=("imageclass.fast_clients", "imageclass.delivery"),
        identifiers=("Delivery", "fast_clients"),
    ),
    Old("embedded_kafka", modules=("imageclass.broker",)),
    Old(
        "imageclass.agents.consumer_session",
        modules=("imageclass.session",),
        identifiers=("turn", "_look_after", "_heard"),
        places=AGENTS,
    ),
    Old(
        "imageclass.agents.inference_worker",
        modules=("imageclass.worker",),
        identifiers=("_READY", "_ASKING", "_FLYING"),
    ),
    Old(
        "imageclass.messages.heartbeats and kafka.live_agents",
        modules=("imageclass.announcements",),
        identifiers=("Announcer", "agents_seen"),
        places=EVERYWHERE,
    ),
    Old(
        "imageclass.agents.canary and offset_committer",
        modules=("imageclass.serving", "imageclass.commits"),
        identifiers=("try_out",),
    ),
    Old(
        "dead_lettered, add_dead_letters, dead letters",
        identifiers=("set_aside", "take_aside", "letter", "letters"),
    ),
    Old(
        "Run, SentRequest",
        modules=("imageclass.verdicts",),
        identifiers=("Verdicts", "Asked"),
    ),
    Old("score, belongs_to_run", definitions=("judged", "check"), places=RUNS),
    Old(
        "imageclass.evaluation.ensembles",
        modules=("imageclass.strategies",),
        definitions=("agreement", "weighted"),
        places=("shared_lib/imageclass/evaluation",),
    ),
    Old(
        "imageclass.runs.tie_break",
        modules=("imageclass.second_opinion",),
        identifiers=("second_opinion", "disputed", "together"),
    ),
    Old("VerdictSnapshot, all_voters", identifiers=("Watched", "everybody")),
    Old(
        "image, verify_image, image_files, prediction_table",
        modules=("imageclass.picture_files", "imageclass.cli.picture_table"),
        identifiers=("look_at",),
        parts=("picture", "pictures"),
    ),
    Old(
        "AccountReconciler, make_reconciler",
        modules=("hub.accounts.keeper",),
        parts=("keeper",),
        places=HUB,
    ),
    Old(
        "hub.accounts.acls and revoked",
        modules=("hub.accounts.rights", "hub.accounts.shut_out"),
        identifiers=("rights", "ShutOut", "shut_out"),
        places=HUB,
    ),
    Old(
        "hub.accounts.kafka_admin",
        modules=("hub.accounts.broker",),
        identifiers=("Broker", "_take"),
        definitions=("put",),
        places=("hub/accounts",),
    ),
    Old(
        "Drift (missing, incorrect, orphaned)",
        identifiers=("Difference", "wrong", "orphans"),
        places=("hub/accounts",),
    ),
    Old("username_error, forbid_rename", identifiers=("refusal", "keep_names"), places=HUB),
    Old(
        "SpawnError, _exit_reason, LOG_TAIL_LINES",
        identifiers=("NotStarted", "_how", "LAST_WORDS"),
        places=HUB,
    ),
    Old("listener, Docker API proxy", parts=("door", "doors", "gate"), places=CODE),
    Old(
        "marimo_singleuser.marimo_patches",
        modules=(
            "marimo_singleuser.mended_marimo",
            "marimo_singleuser.waking",
            "marimo_singleuser.kept_outputs",
        ),
        identifiers=("mend",),
        places=SINGLEUSER,
    ),
    Old(
        "ShortCircuit, ErrorPages, is_user_action, add_hub_link",
        identifiers=("Instead", "PlainErrors", "is_deed", "with_way_back"),
        places=SINGLEUSER,
    ),
    Old("refresh and sample", identifiers=("look",), places=SINGLEUSER),
    Old(
        "tests.support",
        modules=("tests.hand_made", "tests.running"),
        identifiers=("Guarded", "deeds", "eventually", "hand_made"),
        places=TESTS,
    ),
    Old("…_TIMEOUT_S, …_GRACE_S", parts=("PATIENCE",), places=EVERYWHERE),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_old_name_is_left(row: Old) -> None:
    found = [f"{path.relative_to(ROOT)}: {name}" for path, name in old_names(row)]
    assert not found, f"now: {row.name}"


def test_the_demos_administrator_is_called_so() -> None:
    realms = [path.read_text("utf-8") for path in (ROOT / "docker").rglob("*.json")]
    assert any('"username"' in text for text in realms)
    assert not any(re.search(r'"keeper"', text) for text in realms)


def old_names(row: Old) -> Iterator[tuple[Path, str]]:
    for module in row.modules:
        yield from ((path, module) for path in files(*EVERYWHERE) if uses_module(path, module))
    parts = re.compile("|".join(rf"(?:^|_){part}(?=_|$)" for part in row.parts) or "$^")
    for path in files(*row.places):
        for name in sorted(source(path).identifiers):
            if name in row.identifiers or parts.search(name):
                yield path, name
        for name in sorted(source(path).definitions.intersection(row.definitions)):
            yield path, name


def uses_module(path: Path, module: str) -> bool:
    """Return whether the file is the module, imports it, or has its name in a string."""
    package, _, name = module.rpartition(".")
    as_path = "/".join(module.split("."))
    if re.search(rf"(^|/){as_path}(\.py|/__init__\.py)$", path.relative_to(ROOT).as_posix()):
        return True
    in_text = re.compile(rf"\b{re.escape(module)}\b|\bfrom {re.escape(package)} import {name}\b")
    return bool(in_text.search(source(path).strings)) or any(
        one == module or one.startswith(f"{module}.") for one in source(path).imported
    )


def imports_and_strings(nodes: list[ast.AST]) -> tuple[set[str], str]:
    """Return the full names that a file imports, and all its strings below one another."""
    imported: set[str] = set()
    strings = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and not node.level:
            imported |= {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.append(node.value)
    return imported, "\n".join(strings)


def definitions(nodes: list[ast.AST]) -> set[str]:
    """Return the names of functions, classes, arguments and variables."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def identifiers(nodes: list[ast.AST]) -> set[str]:
    """Return the names of all that is defined or used: attributes and keywords too."""
    found = definitions(nodes)
    for node in nodes:
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.update((node.asname or node.name).split("."))
    return found


def test_names_are_found_wherever_they_stand() -> None:
    tree = ast.parse(
        "import a.b as c\nfrom d import e\ndef f(g, *, h=1): i = j.k(l=m)\nclass N:\n    o: int = 2"
    )
    nodes = list(ast.walk(tree))
    assert identifiers(nodes) == {*"cefghijklmo", "N", "int"}
    assert definitions(nodes) == {*"fghio", "N"}
