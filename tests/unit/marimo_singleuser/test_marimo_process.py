"""What marimo's process gets."""

from __future__ import annotations

from pathlib import Path

from marimo_singleuser.marimo_process import notebook_environment


def test_notebook_environment(tmp_path: Path) -> None:
    env = {
        "PATH": "/usr/bin",
        "JUPYTERHUB_API_TOKEN": "t",
        "JUPYTERHUB_CLIENT_ID": "c",
        "JPY_API_TOKEN": "t",
        "CONFIGPROXY_AUTH_TOKEN": "t",
        "JUPYTERHUB_USER": "ada",
        "KAFKA_BOOTSTRAP_SERVERS": "k:9092",
        "VIRTUAL_ENV": "/server",
    }
    got = notebook_environment(env, tmp_path / ".venv", tmp_path)
    assert got["JUPYTERHUB_USER"] == "ada" and got["KAFKA_BOOTSTRAP_SERVERS"] == "k:9092"
    assert "t" not in got.values() and "c" not in got.values()
    assert got["VIRTUAL_ENV"] == str(tmp_path / ".venv")
    assert got["PATH"].split(":")[0] == str(tmp_path / ".venv" / "bin")
