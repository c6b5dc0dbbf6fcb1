"""Limits of apps, which run in servers of their own."""

from typing import Annotated

from pydantic import Field

from hub.care_settings import CareSettings
from hub.setting_types import Duration, Memory


class AppSettings(CareSettings):
    """The part of the settings about apps. `hub.settings` reads them all."""

    app_memory_limit: Memory = Field("2G", description="memory of one app's server")
    app_cpu_limit: Annotated[float, Field(gt=0)] = Field(
        1.0, description="processors of one app's server"
    )
    app_idle_timeout: Duration = Field(
        1800, description="time after which an app stops that nobody looks at, such as 30m, or off"
    )
