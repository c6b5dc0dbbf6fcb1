"""PNG and JPEG files: which files are some, which can be sent, and what is in them."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imageclass.data.image_modes import flatten
from imageclass.data.limits import MAX_IMAGE_PIXELS, check_size

if TYPE_CHECKING:
    from PIL import Image

# First bytes of a file, by encoding.
_SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
_SIGNATURE_BYTES = 16
_PNG_DEPTH_AT = 24  # in its header: bits of a sample


class InvalidImage(ValueError):
    """The bytes are no image that can be used; the text is the reason, fit for a dead letter."""


def image_encoding(body: bytes) -> str:
    """Return "png" or "jpeg", told by the first bytes.

    Raises:
        InvalidImage: they are neither.
    """
    for encoding, signature in _SIGNATURES.items():
        if body.startswith(signature):
            return encoding
    raise InvalidImage("The file is neither PNG nor JPEG; save it as one of them.")


def find_images(
    paths: str | Path | Iterable[str | Path], *, on_skip: Callable[[str], object] = print
) -> dict[str, bytes]:
    """Read the PNG and JPEG files in a folder and all below it, or of a list of files and folders.

    Hidden files and folders (a dot before the name) are passed over in silence. Links to folders
    are followed, but into no folder twice.

    Args:
        paths: a folder or file, or a list of some.
        on_skip: gets a sentence about each other file, each file too large for a request, and each
            folder that is not searched.

    Returns:
        The files' bytes by name: the path below the folder, with `/` between; or, of a list, the
        path as it was given. Bytes of a path that are no UTF-8 are written `\\xe9`.

    Raises:
        FileNotFoundError: a path does not exist; its text is a sentence.
    """
    single = isinstance(paths, (str, Path))
    found: dict[str, bytes] = {}
    for given in [Path(paths)] if single else map(Path, paths):  # type: ignore[arg-type]
        if not given.exists():
            raise FileNotFoundError(f"There is no file or folder {_name(given, None)}.")
        for path in _files(given, on_skip) if given.is_dir() else [given]:
            name = _name(path, given if single and path != given else None)
            try:
                if name in found:
                    raise InvalidImage("Another file has the same name.")
                found[name] = _read(path)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                on_skip(f"{name} is left out: {reason}")
    return found


def _files(folder: Path, on_skip: Callable[[str], object]) -> list[Path]:
    """Return the files in a folder and all below it, sorted. Links are followed.

    Real folders come first. So a link to one of them, which would never end or give every image
    twice, is the one that is left out.
    """
    searched: set[tuple[int, int]] = set()
    found: list[Path] = []
    folders, links = [folder], deque[Path]()
    while folders or links:
        current = folders.pop() if folders else links.popleft()
        try:
            status = current.stat()
            if (identity := (status.st_dev, status.st_ino)) in searched:
                on_skip(f"{_name(current, folder)} is left out: it links to a folder that is"
                        " searched already.")  # fmt: skip
                continue
            searched.add(identity)
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            on_skip(f"{_name(current, folder)} is left out: {error.strerror}")
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif path.is_dir():
                links.append(path)
            else:
                found.append(path)
    return sorted(found, key=lambda path: path.relative_to(folder))


def _name(path: Path, folder: Path | None) -> str:
    """Return a path, as it is below a folder if one is given, as text.

    A file's name may hold any bytes; `\\xe9` stands for one that is no UTF-8.
    """
    shown = path.relative_to(folder).as_posix() if folder else str(path)
    return os.fsencode(shown).decode("utf-8", "backslashreplace")


def _read(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        raise InvalidImage("It is not a file.")
    with path.open("rb") as file:
        head = file.read(_SIGNATURE_BYTES)
        image_encoding(head)
        check_size(path.stat().st_size)
        return head + file.read()


def verify_image(body: bytes) -> None:
    """Check that a PNG or JPEG file is an image behind its first bytes, without decoding it.

    Raises:
        InvalidImage: it is damaged, cut off, or has too many pixels.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(body), formats=_pillow_formats(*_SIGNATURES)) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise InvalidImage(
                    f"Its {image.width} x {image.height} pixels are more than {MAX_IMAGE_PIXELS:,}."
                )
            image.verify()  # reads on, but decodes nothing
    except InvalidImage:
        raise
    except Exception as error:  # Pillow raises many kinds for broken files
        raise InvalidImage("It cannot be read as an image: it is damaged or cut off.") from error


def decode_image(body: bytes, encoding: str, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Decode a PNG or JPEG file, scale it and turn it to grey or colour, as people see it.

    Of an animation the first picture counts. See `image_modes.flatten` for transparency, 16 bits
    and colour profiles.

    Args:
        body: the file's bytes.
        encoding: "png" or "jpeg".
        shape: (height, width, channels) of the result; one channel is grey, three are colour.

    Returns:
        The image, uint8 of that shape, turned upright as its EXIF data says.

    Raises:
        InvalidImage: it is damaged, another kind of file, or has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    height, width, channels = shape
    try:
        with Image.open(io.BytesIO(body), formats=_pillow_formats(encoding)) as file:
            if file.width * file.height > MAX_IMAGE_PIXELS:
                raise InvalidImage(
                    f"image of {file.width} x {file.height} pixels, more than {MAX_IMAGE_PIXELS}"
                )
            file.load()  # the whole file, which may be cut off
            _turn_upright(file)
            depth = body[_PNG_DEPTH_AT] if encoding == "png" else 8
            image = flatten(file, channels, depth).resize((width, height))
    except InvalidImage:
        raise
    except UnidentifiedImageError as error:  # its text is the address of a buffer
        raise InvalidImage(f"undecodable {encoding} image: no image in it") from error
    # Pillow's decoders raise many kinds (OSError, SyntaxError, ValueError, struct.error,
    # DecompressionBombError, ...) for broken files; every one means the same here.
    except Exception as error:
        raise InvalidImage(f"undecodable {encoding} image: {error}") from error
    return np.asarray(image, np.uint8).reshape(shape)


def _turn_upright(image: Image.Image) -> None:
    """Turn an image as its EXIF data says; EXIF data that is damaged says nothing."""
    from PIL import ImageOps

    with suppress(Exception):  # Pillow raises many kinds
        ImageOps.exif_transpose(image, in_place=True)


def _pillow_formats(*encodings: str) -> list[str]:
    return [encoding.upper() for encoding in encodings]  # Pillow's names of the same
