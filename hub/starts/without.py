"""A start that leaves out a user's own packages, or their settings of marimo.

The choice holds for one start. Nothing is deleted: the next start has everything again.
"""

from typing import Any

from mosshub_contract.left_out import PACKAGES, SETTINGS, VARIABLE
from sqlalchemy.orm import object_session

from hub.spawners.progress import SpawnError

#: Names the choice among the options of a start.
OPTION = "without"
CHOICES = (PACKAGES, SETTINGS)


class StartWithoutMixin:
    """Takes the choice from a start's options, and passes it to the server.

    Mixed in before a spawner's class, whose `start` calls `take_choice`.

    Attributes:
        without: what this start leaves out, in the order of CHOICES.
    """

    without: tuple[str, ...] = ()
    user_options: dict[str, Any]
    orm_spawner: Any

    def take_choice(self) -> None:
        """Take the choice from the options, so that the next start does not find it there.

        Raises:
            SpawnError: there is no such choice.
        """
        options = dict(self.user_options)
        asked = options.pop(OPTION, "")
        if asked:
            self.user_options = options
            self.orm_spawner.user_options = options
            if session := object_session(self.orm_spawner):
                session.commit()
        words = asked if isinstance(asked, list) else str(asked).split(",")
        chosen = {str(word) for word in words if word}
        if unknown := chosen - set(CHOICES):
            raise SpawnError(
                f"A start cannot leave out {', '.join(sorted(unknown))}: only your packages or "
                "your settings.",
                reason="unoffered",
            )
        self.without = tuple(choice for choice in CHOICES if choice in chosen)

    def get_env(self) -> dict[str, str]:
        """Return the server's environment variables."""
        env = super().get_env()  # type: ignore[misc]
        return env | {VARIABLE: ",".join(self.without)}
