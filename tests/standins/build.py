"""Bring a stand-in about: keep it, build it, or pull the official image where it can't be built."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from . import debian
from .engine import docker, image_id, image_label, remove_if_unused
from .recipes import RECIPES, Recipe

LABEL = "org.mosshub.standin.recipe"
SCRATCH = Path(__file__).parents[1] / ".cache" / "standins"
BUILD_DEADLINE = 900  # seconds


def ensure(*tags: str, say: Callable[[str], None] = print) -> None:
    """See to it that every tag is an image of this engine.

    An image without our label is the official one and stays. Raises ValueError for an unknown tag
    and RuntimeError when an image can be neither built nor pulled.
    """
    for tag in tags:
        if tag not in RECIPES:
            raise ValueError(f"no stand-in is called {tag}; there are {', '.join(RECIPES)}")
    SCRATCH.mkdir(parents=True, exist_ok=True)
    # Of several processes one builds, the others wait and find what it has built.
    with (SCRATCH / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _ensure(tags, say)


def _ensure(tags: Iterable[str], say: Callable[[str], None]) -> None:
    for tag in tags:
        recipe = RECIPES[tag]
        if recipe.base:
            _ensure([recipe.base], say)
        fingerprint = recipe.fingerprint()
        if image_label(tag, LABEL) in ("", fingerprint):
            continue
        start = time.monotonic()
        if can_build():
            say(f"standins: building {tag}")
            outdated = image_id(tag)
            build(recipe, fingerprint)
            if outdated:
                remove_if_unused(outdated)
        else:
            say(f"standins: pulling {tag}")
            docker("pull", tag, timeout=BUILD_DEADLINE)
        megabytes = int(docker("image", "inspect", "--format", "{{.Size}}", tag)) / 1e6
        say(f"standins: {tag} is there, {megabytes:.0f} MB, {time.monotonic() - start:.0f} s")


def can_build() -> bool:
    return os.geteuid() == 0 and shutil.which("debootstrap") is not None


def build(recipe: Recipe, fingerprint: str) -> None:
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        context = Path(scratch)
        if recipe.folder is None:
            debian.build(context, recipe.tag, {LABEL: fingerprint})
            return
        shutil.copytree(recipe.folder, context, dirs_exist_ok=True)
        if recipe.fetch:
            recipe.fetch(context, recipe.args)
        arguments = [f"--build-arg={name}={value}" for name, value in recipe.args.items()]
        label = f"--label={LABEL}={fingerprint}"
        docker("build", "-t", recipe.tag, label, *arguments, context, timeout=BUILD_DEADLINE)
