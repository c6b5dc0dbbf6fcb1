"""Pictures of people's own: which files are some, and which of them cannot be sent."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path

from imageclass.data.limits import MAX_IMAGE_PIXELS, check_size
from imageclass.messages.requests import file_request


def find_images(
    paths: str | Path | Iterable[str | Path], *, on_skip: Callable[[str], object] = print
) -> dict[str, bytes]:
    """The PNG and JPEG files in a folder and all below it, or of a list of files and folders.

    By name: the path below the folder, with `/` between, or as it was given in a list. Whatever
    else is there `on_skip` gets a sentence about, files too large for a request too; only what is
    hidden (a dot before its name) is passed over. Raises `FileNotFoundError`, with a sentence, for
    a path that is not there.
    """
    single = isinstance(paths, (str, Path))
    found: dict[str, bytes] = {}
    for given in [Path(paths)] if single else map(Path, paths):  # type: ignore[arg-type]
        if not given.exists():
            raise FileNotFoundError(f"There is no file or folder {given}.")
        for path in _files(given) if given.is_dir() else [given]:
            name = path.relative_to(given).as_posix() if single and path != given else str(path)
            try:
                found[name] = _picture(path)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                on_skip(f"{name} is left out: {reason}")
    return found


def _files(folder: Path) -> list[Path]:
    below = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    seen = [path for path in below if not any(part.startswith(".") for part in path.parts)]
    return [folder / path for path in sorted(seen)]


def _picture(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        raise ValueError("It is not a file.")
    with path.open("rb") as file:
        head = file.read(16)
        file_request("", "", head)  # knows both formats by how they begin
        check_size(path.stat().st_size)
        return head + file.read()


def verify_image(body: bytes) -> None:
    """Raises `ValueError` for what is no image behind its first bytes."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(body), formats=["PNG", "JPEG"]) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise ValueError(
                    f"Its {image.width} x {image.height} pixels are more than {MAX_IMAGE_PIXELS:,}."
                )
            image.verify()  # reads on, but unfolds nothing
    except ValueError:
        raise
    except Exception as error:  # Pillow raises many kinds for broken files
        raise ValueError("It cannot be read as an image: it is damaged or cut off.") from error
