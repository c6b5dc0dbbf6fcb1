"""How large servers are, which sizes users choose from, and how many GPUs the host has."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode

from hub.setting_types import Memory
from hub.sizes import Size, parse_sizes


def _sizes(value: object) -> object:
    return parse_sizes(value) if isinstance(value, str) else value


class SizeSettings(BaseSettings):
    """The part of the settings about sizes. `hub.settings` reads them all."""

    memory_limit: Memory = Field("4G", description="memory of one server")
    cpu_limit: Annotated[float, Field(gt=0)] = Field(2.0, description="processors of one server")
    process_limit: Annotated[int, Field(ge=64)] = Field(1024, description="processes of one server")
    sizes: Annotated[tuple[Size, ...], NoDecode, BeforeValidator(_sizes)] = Field(
        (),
        description="sizes that users choose from, Name=processors/memory[/gpu][@group+group] with "
        "commas between; the first is the default. Without them all have MEMORY_LIMIT and "
        "CPU_LIMIT",
    )
    gpus: Annotated[int, Field(ge=0)] = Field(
        0,
        description="number of GPUs of the host or cluster; each is given to one server at a time",
    )

    @model_validator(mode="after")
    def _check_gpus(self) -> Self:
        if not self.gpus and any(size.has_gpu for size in self.sizes):
            raise ValueError("SIZES names a size with a GPU: set GPUS to the number of GPUs")
        return self
