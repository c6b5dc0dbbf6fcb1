"""The route where users' servers tell what they do in the team's folder, and ask for the others."""

from mosshub_contract.team_folder import API_PATH, known_to_json, told_from_json
from tornado import web

from hub.own_server import OwnServerHandler
from hub.settings import Settings
from hub.team_folder.parts import parts_of
from hub.team_folder.records import Records

#: The route, below the hub's path.
ROUTE = rf"/api{API_PATH}"
_MAX_BYTES = 64 * 1024


class TeamFolderHandler(OwnServerHandler):
    """Takes what a server tells, in its user's name, and answers what all of them told."""

    def initialize(self, records: Records, settings: Settings) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self._records, self._shared = records, settings

    async def post(self) -> None:
        """Note and answer."""
        user = self.owner()
        try:
            if len(self.request.body) > _MAX_BYTES:
                raise ValueError("too long")
            told = told_from_json(self.request.body)
        except ValueError as error:
            raise web.HTTPError(400, f"This says nothing of the team's folder: {error}.") from None
        parts = parts_of([group.name for group in user.orm_user.groups], self._shared)
        self._records.note(user.name, told, {part.name for part in parts if part.writable})
        self.set_header("Content-Type", "application/json")
        self.finish(known_to_json(self._records.known(user.name)))
