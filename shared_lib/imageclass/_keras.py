"""The one place where Keras and TensorFlow are imported, when they are first needed."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

#: What TensorFlow 2.21 writes at every import, whatever its log level.
_CHATTER = (b"WARNING: All log messages before absl", b"oneDNN custom operations are on")


def keras_and_tensorflow() -> tuple[ModuleType, ModuleType]:
    """Return the modules `keras` and `tensorflow`; the first call takes seconds and ~500 MB.

    Raises:
        ModuleNotFoundError: they are not installed; the text says what to install.
    """
    if "keras" in sys.modules and "tensorflow" in sys.modules:
        return sys.modules["keras"], sys.modules["tensorflow"]
    # Only what a person has not set: TensorFlow would tell every notebook what CPU it found.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with _without_chatter():
            import keras
            import tensorflow
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Models need TensorFlow ({error}). Install it with: pip install"
            " 'imageclass[tensorflow]'.",
            name=error.name,
        ) from error
    return keras, tensorflow


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep the known lines out of a notebook's output, and pass on all others a little later.

    They come from C++ code, so the file descriptor itself has to be redirected.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # no standard error at all: nothing to keep clean
        yield
        return
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            aside.seek(0)
            for line in aside:
                if not any(words in line for words in _CHATTER):
                    os.write(2, line)
