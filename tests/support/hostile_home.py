"""A home whose files try to tell what the programs that read them have in their environment.

Each file is one that some program reads at its start, as the user may write it. Whatever it can
tell goes to `~/told`.
"""

from __future__ import annotations

from pathlib import Path

SECRET = "a-token-that-only-the-server-may-know"
TOLD = "told"

_PYTHON = (
    "import os; open(os.path.expanduser(f'~/told/{name}-{{os.getpid()}}'), 'w')"
    ".write(os.environ.get('JUPYTERHUB_API_TOKEN', 'no token'))\n"
)
_SHELL = "printenv JUPYTERHUB_API_TOKEN > ~/told/{name}-$$\n"
_CURL = """
variable = %JUPYTERHUB_API_TOKEN
expand-dump-header = "{home}/told/curl-{{{{JUPYTERHUB_API_TOKEN}}}}"
"""
_NPM = "logs-dir={home}/told/npm-${{JUPYTERHUB_API_TOKEN}}\n"
_PIP = "[global]\nlog = {home}/told/pip\n[install]\nrequirement = {home}/requirements.txt\n"
_REQUIREMENTS = "--find-links http://127.0.0.1:9/${JUPYTERHUB_API_TOKEN}\n"
# A client that believes this signs in at the hub as nobody, and the server does not start.
_NETRC = "machine 127.0.0.1 login nobody password nothing\ndefault login nobody password nothing\n"
_GIT = '[core]\n\tfsmonitor = "printenv JUPYTERHUB_API_TOKEN > ~/told/git-$$"\n'
_AT_START = ("sitecustomize", "usercustomize")  # Python imports these by itself
_PLACES = (
    ".local/lib/python{version}/site-packages",
    ".venv/lib/python{version}/site-packages",
    "notebooks",
)


def files(home: str, python: str) -> dict[str, str]:
    """Return the files' content by path below the home.

    Args:
        home: the home's absolute path, for files that know no variables.
        python: version of the server's Python, such as `3.13`.
    """
    # The path of the server's programs ends before these, that of notebooks begins with the last.
    programs = [
        f"{folder}/{name}"
        for folder in ("bin", ".local/bin", ".venv/bin")
        for name in ("curl", "env", "git", "java", "node", "npm", "uv", "marimo", "sh", "uname")
    ]
    modules = [
        # The last three would shadow a package of the server, if it looked there.
        *(f"{name}.py" for name in (*_AT_START, "tornado", "marimo_singleuser", "runpy")),
        "jupyterhub_config.py",
        *(f".jupyter/{name}_config.py" for name in ("jupyter", "jupyter_server", "jupyterhub")),
        *(f"{place}/{name}.py" for place in _PLACES for name in _AT_START),
        *(f"{place}/told.pth" for place in _PLACES),
    ]
    shells = [
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".profile",
        ".bash_logout",
        ".shrc",
        ".zshenv",
    ]
    return {
        **{path.format(version=python): _PYTHON.format(name=_label(path)) for path in modules},
        **{path: _SHELL.format(name=_label(path)) for path in shells},
        **{path: "#!/bin/bash\n" + _SHELL.format(name=_label(path)) for path in programs},
        ".curlrc": _CURL.format(home=home),
        ".config/curlrc": _CURL.format(home=home),
        ".gitconfig": _GIT,
        ".config/git/config": _GIT,
        ".npmrc": _NPM.format(home=home),
        ".netrc": _NETRC,
        ".config/pip/pip.conf": _PIP.format(home=home),
        ".pip/pip.conf": _PIP.format(home=home),
        "requirements.txt": _REQUIREMENTS,
        f"{TOLD}/.keep": "",
    }


def write(home: Path, python: str) -> None:
    """Write the files into a home directory."""
    for name, text in files(str(home), python).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
        (home / name).chmod(0o755)


def told(home: Path) -> dict[str, str]:
    """Return what was told, by the name of the file that told it."""
    return {path.name: path.read_text().strip() for path in (home / TOLD).iterdir()}


def _label(path: str) -> str:
    return path.format(version="3").replace("/", "_")
