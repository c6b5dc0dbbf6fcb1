"""Types of settings: how the text of an environment variable becomes a checked value."""

import re
from typing import Annotated

from mosshub_contract.team_links import TeamLink, parse_team_links
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode


def _split(value: object) -> object:
    """Split text at its commas; leave everything else as it is."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _split_scopes(value: object) -> object:
    """Split text at its spaces and commas; leave everything else as it is."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _hex_key(value: SecretStr) -> SecretStr:
    if value.get_secret_value() and not re.fullmatch("[0-9a-f]{64}", value.get_secret_value()):
        raise ValueError("64 hexadecimal digits: 32 bytes")
    return value


def _bytes(value: object) -> object:
    """Return `25M` as 25 times 1024², everything else as it is."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT])", value) if isinstance(value, str) else None
    return float(found[1]) * 1024 ** ("KMGT".index(found[2]) + 1) if found else value


def _memory(value: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?[KMGT]", value):
        raise ValueError("a number and K, M, G or T, for example 2G")
    return value


def _dns_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value):
        raise ValueError("letters, digits, hyphens and dots only")
    return value


def _addresses(value: str) -> str:
    for address in value.split(","):
        host, _, port = address.strip().rpartition(":")
        if not (host and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"{address.strip()!r} is not of the form host:port")
    return value


def _team_links(value: object) -> object:
    """Return text as links; leave everything else as it is."""
    return parse_team_links(value) if isinstance(value, str) else value


#: A TCP port.
Port = Annotated[int, Field(ge=1, le=65535)]
#: A TCP port, or 0 for one that is free.
AnyPort = Annotated[int, Field(ge=0, le=65535)]
#: Words, separated by commas.
Words = Annotated[frozenset[str], NoDecode, BeforeValidator(_split)]
#: Names of users, separated by commas; the hub's names are lower case.
Names = Annotated[Words, AfterValidator(lambda names: frozenset(n.lower() for n in names))]
#: OAuth scopes in their order, separated by spaces or commas.
Scopes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_scopes)]
#: Names of Docker images in their order, separated by commas.
Images = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
#: Titles and addresses of links in their order, `Title=https://…`, separated by commas.
TeamLinks = Annotated[tuple[TeamLink, ...], NoDecode, BeforeValidator(_team_links)]
#: 32 bytes as 64 hexadecimal digits, or nothing.
HexKey = Annotated[SecretStr, AfterValidator(_hex_key)]
#: An amount of memory as Docker writes it, such as `4G`.
Memory = Annotated[str, AfterValidator(_memory)]
#: A number of bytes; `25M` is 25 MiB.
Bytes = Annotated[float, BeforeValidator(_bytes), Field(gt=0)]
#: An address that begins with http:// or https://.
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")]
#: A name in the DNS, without scheme and port.
DnsName = Annotated[str, AfterValidator(_dns_name)]
#: `host:port[,host:port]`.
Addresses = Annotated[str, AfterValidator(_addresses)]
