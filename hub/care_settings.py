"""How long editors and kernels run that nobody uses, and how much disk a user has."""

from pydantic import Field

from hub.setting_types import Bytes, Duration
from hub.team_settings import TeamSettings


class CareSettings(TeamSettings):
    """The part of the settings about idleness and disk. `hub.settings` reads them all."""

    servers: str

    idle_timeout: Duration | None = Field(
        None, description="time without use after which a server is stopped, such as 30m, or off"
    )
    kernel_idle_timeout: Duration | None = Field(
        None, description="time without use after which a kernel ends, such as 30m, or off"
    )
    waiting_kernel: bool = Field(
        True,
        description="whether a kernel waits in each server for the next notebook that is opened",
    )
    keep_at_most: Duration = Field(
        86400, description="how long a user may keep an idle server running, such as 12h, or off"
    )
    disk_limit: Bytes | None = Field(
        None, description="bytes that the files of one user may take, for example 20G"
    )

    @property
    def idle_timeout_s(self) -> float:
        """Seconds without use after which a server is stopped; 0 for never."""
        return self._for_team(self.idle_timeout, 7200)

    @property
    def kernel_idle_timeout_s(self) -> float:
        """Seconds without use after which a kernel ends; 0 for never."""
        return self._for_team(self.kernel_idle_timeout, 1800)

    def _for_team(self, chosen: float | None, default: float) -> float:
        """Return a time that somebody chose, or the default, which a laptop does not have."""
        if chosen is not None:
            return chosen
        return 0 if self.servers == "processes" else default
