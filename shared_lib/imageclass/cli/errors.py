"""Which errors are a person's to act on, and what is said of them."""

from kafka.errors import KafkaError

from imageclass.data.datasets import DatasetError
from imageclass.kafka.connection import NoBroker
from imageclass.kafka.inspect import NoSuchTopic
from imageclass.kafka.publisher import PublishError
from imageclass.models.registry import VersionError


class CommandError(Exception):
    """A command cannot do what it was asked; the text says why and what to do."""


_EXPLAINED = (CommandError, DatasetError, NoBroker, NoSuchTopic, PublishError, VersionError)


def sentence(error: Exception) -> str | None:
    """What to say of `error`; None if it is a fault of the program, which a traceback explains."""
    if isinstance(error, (*_EXPLAINED, ModuleNotFoundError)):
        return str(error)
    if isinstance(error, KafkaError):
        return f"The broker does not do that: {type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    return str(error) if isinstance(error, FileNotFoundError) else None
