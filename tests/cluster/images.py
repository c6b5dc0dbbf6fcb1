"""Images of nodes: how they come there, and a small one that needs no engine."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.machine import Machine

PAUSE = "localhost/mosshub-test/pause:1"  # what holds a pod's network, and can do nothing else


def write_archive(archive: Path, tag: str, program: Path) -> None:
    """Write what `docker save` would of an image with nothing but a program."""
    layer = tar_of({program.name: program.read_bytes()}, mode=0o755)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    files = {
        "config.json": json.dumps(config).encode(),
        "layer.tar": layer,
        "manifest.json": json.dumps(manifest).encode(),
    }
    archive.write_bytes(tar_of(files))


def tar_of(files: dict[str, bytes], mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def import_images(node: Machine, archive: Sequence[str]) -> None:
    """Give a node the images that a command writes to its standard output.

    Raises:
        RuntimeError: the command or the node's containerd failed.
    """
    importing = [*node.inside, "ctr", "--namespace=k8s.io", "images", "import", "-"]
    with subprocess.Popen(archive, stdout=subprocess.PIPE) as saving:
        done = subprocess.run(importing, stdin=saving.stdout, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{node.name} refused images: {done.stderr[-2000:]}")
    if saving.returncode:
        raise RuntimeError(f"`{' '.join(archive)}` ended with {saving.returncode}")
