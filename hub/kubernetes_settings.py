"""What differs where users' servers are pods of a Kubernetes cluster."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from hub.setting_types import Memory, Words
from hub.sharing_settings import SharingSettings

#: A name of an object of Kubernetes.
ObjectName = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")]
#: Servers that may start at the same time on one host, where they share its processors.
STARTS_OF_A_HOST = 4
_Share = Annotated[float, Field(gt=0, le=1)]


class KubernetesSettings(SharingSettings):
    """The part of the settings about pods. `hub.settings` reads them all."""

    servers: str

    home_size: Memory = Field("10G", description="disk of one user's home, in a volume of its own")
    home_storage_class: ObjectName = Field(
        "", description="storage class of users' homes; empty: the cluster's default"
    )
    team_storage_class: ObjectName = Field(
        "",
        description="storage class whose volumes many pods write (ReadWriteMany), for the team's "
        "folder; empty: there is no such folder",
    )
    team_size: Memory = Field("20G", description="disk of each part of the team's folder")
    shared_data_claim: ObjectName = Field(
        "", description="name of a volume claim that everybody reads as ~/data"
    )
    memory_reserved: _Share = Field(
        0.5, description="which part of a server's memory its node reserves, from 0 to 1"
    )
    cpu_reserved: _Share = Field(
        0.1, description="which part of a server's processors its node reserves, from 0 to 1"
    )
    starts_at_once: Annotated[int, Field(ge=1)] = Field(
        40, description="number of servers that may start at the same time; the others wait"
    )
    gpu_resource: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")] = Field(
        "nvidia.com/gpu", description="name of the cluster's resource of which a GPU is one"
    )
    priority_class: ObjectName = Field("", description="priority class of users' servers")
    image_pull_secrets: Words = Field(
        frozenset(), description="names of the secrets with which nodes pull users' images"
    )

    @model_validator(mode="after")
    def _check_pods(self) -> Self:
        if self.servers == "pods":
            if self.shared_data:
                raise ValueError(
                    "SHARED_DATA is a directory of one host: on Kubernetes set SHARED_DATA_CLAIM"
                )
        elif odd := sorted(self.model_fields_set & KUBERNETES_ONLY):
            raise ValueError(
                f"{', '.join(name.upper() for name in odd)}: only a platform on Kubernetes "
                "(SERVERS=pods) has this setting; remove it"
            )
        return self

    @property
    def start_places(self) -> int:
        """How many servers may start at the same time: a cluster's nodes start theirs alone."""
        return self.starts_at_once if self.servers == "pods" else STARTS_OF_A_HOST

    @property
    def shares_folder(self) -> bool:
        """Whether there is a team's folder. A cluster must have a storage class for it."""
        return self.team_folder and (self.servers != "pods" or bool(self.team_storage_class))

    @property
    def shares_data(self) -> bool:
        """Whether everybody has ~/data."""
        return bool(self.shared_data_claim if self.servers == "pods" else self.shared_data)


def _own_fields() -> frozenset[str]:
    inherited: dict[str, Any] = SharingSettings.model_fields
    return frozenset(set(KubernetesSettings.model_fields) - set(inherited) - {"servers"})


#: The settings that only pods have.
KUBERNETES_ONLY = _own_fields()
