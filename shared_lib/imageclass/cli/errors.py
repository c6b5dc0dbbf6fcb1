"""The errors that a person can act on, and their sentences."""

from kafka.errors import KafkaError

from imageclass.data.datasets import DatasetError
from imageclass.kafka.connection import NoBroker
from imageclass.kafka.inspect import NoSuchTopic
from imageclass.kafka.publisher import PublishError
from imageclass.models.registry import VersionError


class CommandError(Exception):
    """A command cannot do its work; the text says why and what to do."""


_EXPLAINED = (CommandError, DatasetError, NoBroker, NoSuchTopic, PublishError, VersionError)


def sentence(error: Exception) -> str | None:
    """Return a sentence about `error`; None if it is a fault of the program: show its traceback."""
    if isinstance(error, (*_EXPLAINED, ModuleNotFoundError)):
        return str(error)
    if isinstance(error, KafkaError):
        return f"The broker refused: {type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    return str(error) if isinstance(error, FileNotFoundError) else None
