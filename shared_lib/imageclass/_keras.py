"""The one place where Keras and TensorFlow are imported, when they are first needed."""

import os
from types import ModuleType


def keras_and_tensorflow() -> tuple[ModuleType, ModuleType]:
    """The modules `keras` and `tensorflow`; the first call takes seconds and ~500 MB.

    Raises `ModuleNotFoundError` saying what to install if they are not there.
    """
    # Only what a person set before holds more: by default TensorFlow tells every notebook what
    # CPU it found and that there is no GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import keras
        import tensorflow
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Models need TensorFlow ({error}). Install it with: pip install"
            " 'imageclass[tensorflow]'.",
            name=error.name,
        ) from error
    return keras, tensorflow
