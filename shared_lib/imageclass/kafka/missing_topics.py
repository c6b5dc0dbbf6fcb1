"""Creates the topics that do not exist yet, as far as the account may."""

from __future__ import annotations

from kafka import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError, TopicAuthorizationFailedError

from imageclass.kafka.topics import Topics


def create_missing_topics(admin: KafkaAdminClient, topics: Topics) -> None:
    """Create the topics that do not exist yet, and wait until they can be used.

    An account that only reads some of them, such as an app's, uses those.

    Args:
        admin: a client of the account.
        topics: their names and settings.

    Raises:
        TopicAuthorizationFailedError: the account may use none of them.
    """
    usable = set(topics.all).intersection(admin.list_topics())
    for topic in [topic for topic in topics.all if topic not in usable]:
        try:
            admin.create_topics({topic: topics.settings[topic]})
        except TopicAuthorizationFailedError:
            if not usable:
                raise
            continue
        except TopicAlreadyExistsError:
            pass  # another client was quicker
        usable.add(topic)
    admin.wait_for_topics(usable, timeout_ms=30_000)
