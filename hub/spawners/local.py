"""A user's server as a process on a laptop."""

from pathlib import Path
from subprocess import SubprocessError

from jupyterhub.spawner import SimpleLocalProcessSpawner
from mosshub_contract.processes import die_with_parent
from traitlets import Unicode, default

from hub.signin.names import safe_name
from hub.spawners.progress import ProgressMixin, SpawnError


class LaptopSpawner(ProgressMixin, SimpleLocalProcessSpawner):
    """Starts a server as a process of the laptop's owner, in a directory of the user's own.

    It separates files, not people: everybody who runs code here acts as the laptop's owner. Users
    who must be protected from each other need servers in containers.
    """

    users_dir = Unicode(config=True, help="Directory that holds a directory for each user.")

    @default("home_dir")
    def _default_home_dir(self) -> str:
        return str(Path(self.users_dir) / safe_name(self.user.name))

    async def start(self) -> str | tuple[str, int]:
        """Start the process.

        Returns:
            The server's address.

        Raises:
            SpawnError: the operating system starts no process, or not in the user's directory.
        """
        self.stage = (50, "Starting your editor …")
        try:
            return await super().start()
        except (OSError, SubprocessError) as error:
            self.log.exception("%s: no process", self._log_name)
            raise SpawnError(
                f"No process could start in {self.home_dir} ({error}).",
                reason="process",
                status_code=500,
            ) from error

    def make_preexec_fn(self, name):
        """Let the server end with the hub, however the hub ends."""
        enter_home = super().make_preexec_fn(name)
        tie = die_with_parent()

        def preexec():
            if tie:
                tie()
            enter_home()

        return preexec
