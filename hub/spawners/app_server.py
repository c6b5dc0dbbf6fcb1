"""What differs in a server that runs an app: limits of its own, and none of its author's files."""

from typing import Any

from mosshub_contract.apps import slug_of_server
from traitlets import Dict, HasTraits


class AppServerMixin(HasTraits):
    """Tells a spawner whether its server runs an app, and gives it what apps have.

    Mixed in before a spawner's class.
    """

    app_traits = Dict(
        config=True, help="Values of this spawner's settings, by name, for servers of apps."
    )
    name: str

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.app_slug:
            for trait, value in self.app_traits.items():
                setattr(self, trait, value)

    @property
    def app_slug(self) -> str:
        """The app that this server runs; empty for a user's editor."""
        return slug_of_server(self.name)
