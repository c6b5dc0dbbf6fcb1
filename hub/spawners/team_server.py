"""What users' servers in containers and those in pods have in common."""

from typing import Any

from tornado import web

from hub.server_status.reasons import forget_stop
from hub.spawners.app_server import AppServerMixin
from hub.spawners.progress import ProgressMixin, SpawnError
from hub.spawners.sizes import SizeMixin
from hub.starts.failures import watch_start
from hub.starts.without import StartWithoutMixin

OPTIONS = frozenset({"image", "size"})  #: everything a user may choose at a start


class TeamServerMixin(ProgressMixin, StartWithoutMixin, AppServerMixin, SizeMixin):
    """Refuses options that nobody offered, and remembers how a server ended.

    Mixed in before a spawner's class.

    Attributes:
        exit_reason: how the last server ended, if nobody stopped it; empty otherwise. It is part of
            the state that JupyterHub stores, for the page that says that the server is not running.
    """

    exit_reason: str = ""
    db: Any
    _refused = ""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        offered = {"image": list(self.offered_images()), "size": list(self.offered_sizes())}
        if any(self.user_options.get(key) not in (None, *offered[key]) for key in offered):
            self._forget_options()  # it is no longer offered: the next start takes the default

    def offered_images(self) -> dict[str, str]:
        """Return the images that this user may take, by the names that the form shows."""
        raise NotImplementedError

    def begin_start(self) -> None:
        """Take the options of a start, and forget how the server before it ended.

        Raises:
            SpawnError: an option is not offered.
        """
        watch_start(self)  # type: ignore[arg-type]
        self.take_choice()
        if not_offered := set(self.user_options) - OPTIONS:
            raise self._refuse(
                f"A start cannot be given {', '.join(sorted(not_offered))}: "
                "only an image and a size from the lists."
            )
        if "size" in self.user_options and not self.size:
            raise self._refuse(f"There is no such size for you: {', '.join(self.offered_sizes())}.")
        self.take_size()
        if "image" in self.user_options:
            self.allowed_image(self.user_options["image"])
        self.exit_reason = ""
        forget_stop(self)  # type: ignore[arg-type]

    def allowed_image(self, name: object) -> str:
        """Return the image behind a name of the list.

        Raises:
            SpawnError: the name is not in the list.
        """
        offered = self.offered_images()
        if isinstance(name, str) and name in offered:
            return offered[name]
        raise self._refuse(f"There is no image {name!r} here, only: {', '.join(offered)}.")

    async def get_options_form(self) -> str:
        """Return the form, or the refusal of options that came with a link.

        JupyterHub asks for the form after a refusal. Where there is no form, it would start a
        server without the refused options.
        """
        if refused := self._refused:
            self._refused = ""
            raise web.HTTPError(400, refused)
        return await super().get_options_form()  # type: ignore[misc]

    def _refuse(self, sentence: str) -> SpawnError:
        self._forget_options()
        self._refused = sentence
        return SpawnError(sentence, reason="unoffered")

    def _forget_options(self) -> None:
        # JupyterHub would take the options of this start as the default of the next.
        self.orm_spawner.user_options = {}
        self.db.commit()

    def get_state(self) -> dict[str, Any]:
        """Return what the hub stores of this server."""
        reason = {"exit_reason": self.exit_reason} if self.exit_reason else {}
        return super().get_state() | reason

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what the hub stored of this server."""
        super().load_state(state)
        self.exit_reason = state.get("exit_reason", "")
