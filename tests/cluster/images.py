"""Images of nodes: how they come there, and a small one that needs no engine."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.cluster.machine import Machine

ARCHIVE_PART_BYTES = 1 << 20
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


def import_images(nodes: Iterable[Machine], archive: Sequence[str]) -> None:
    """Give nodes the images that a command writes to its standard output; it runs once.

    Raises:
        RuntimeError: the command or a node's containerd failed.
    """
    importing = ["ctr", "--namespace=k8s.io", "images", "import", "-"]
    with contextlib.ExitStack() as stack:
        saving = stack.enter_context(subprocess.Popen(archive, stdout=subprocess.PIPE))
        errors = {node: stack.enter_context(tempfile.TemporaryFile("w+")) for node in nodes}
        imports = {
            node: subprocess.Popen(
                [*node.inside, *importing],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors[node],
            )
            for node in errors
        }
        with contextlib.suppress(BrokenPipeError):  # it says why below
            while part := saving.stdout.read(ARCHIVE_PART_BYTES) if saving.stdout else b"":
                for process in imports.values():
                    if process.stdin:
                        process.stdin.write(part)
        for node, process in imports.items():
            with contextlib.suppress(BrokenPipeError):
                process.communicate()
            if process.returncode:
                errors[node].seek(0)
                raise RuntimeError(f"{node.name} refused images: {errors[node].read()[-2000:]}")
    if saving.returncode:
        raise RuntimeError(f"`{' '.join(archive)}` ended with {saving.returncode}")
