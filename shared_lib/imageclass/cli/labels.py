"""Labels from the folders that images are in."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from imageclass.cli.errors import CommandError
from imageclass.data.datasets import CLASS_NAMES


def from_folders(names: Iterable[str], dataset: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Find the label of each image: its class is the first folder in its name.

    The folders of a known data set have the names of its classes; case, and characters other than
    letters and digits, do not matter (`t-shirt_top`). Of any other data set the classes are the
    folders in alphabetical order, as in Keras.

    Args:
        names: of the images, with `/` between folders.
        dataset: the name of the data set.

    Returns:
        By image name the label, and the class names that it is an index into.

    Raises:
        CommandError: an image is in no folder, or its folder is no class.
    """
    folders = {name: PurePosixPath(name).parts[0] for name in names if "/" in name}
    if outside := [name for name in names if name not in folders]:
        raise CommandError(
            f"{_some(outside)} is in no folder named after a class, and --labels-from-folders"
            " needs one for every image."
        )
    class_names = CLASS_NAMES.get(dataset) or tuple(sorted(set(folders.values())))
    known = {_plain(name): label for label, name in enumerate(class_names)}
    if unknown := sorted({f for f in folders.values() if _plain(f) not in known}):
        raise CommandError(
            f"{_some(unknown)} is no class of {dataset}. Name the folders after its classes:"
            f" {', '.join(class_names)}."
        )
    return {name: known[_plain(folder)] for name, folder in folders.items()}, class_names


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold())


def _some(names: list[str]) -> str:
    more = f" (and {len(names) - 3} more)" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
