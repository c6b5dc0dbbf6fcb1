"""Types of settings: how the text of an environment variable becomes a checked value."""

import re
from pathlib import Path
from typing import Annotated

from mosshub_contract.team_colour import parse_colour
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


def _database_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url and not re.fullmatch(r"postgresql://[^@/:\s]+@[^@/\s]+/[^/\s]+", url):
        raise ValueError("postgresql://, a user, a host and a database")
    return value


def _bytes(value: object) -> object:
    """Return `25M` as 25 times 1024², everything else as it is."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT])", value) if isinstance(value, str) else None
    return float(found[1]) * 1024 ** ("KMGT".index(found[2]) + 1) if found else value


def _duration(value: object) -> object:
    """Return `2h` as its seconds and `off` as 0, everything else as it is."""
    if value == "off":
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value) if isinstance(value, str) else None
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else value


def _long_enough(seconds: float) -> float:
    if 0 < seconds < 10 or seconds < 0:
        raise ValueError("off, or 10 seconds and more, for example 90s, 30m, 2h, 1d")
    return seconds


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


def _logo(value: Path) -> Path:
    """Return the path of a logo that pages can show; a relative one begins at the root."""
    path = (_ROOT / value.expanduser()).resolve()
    if path.suffix.lower() not in LOGO_TYPES:
        raise ValueError("its name must end in .svg or .png")
    try:
        size, first = path.stat().st_size, path.open("rb").read(1024)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if size > MAX_LOGO_BYTES:
        raise ValueError(f"it has {size // 1024} KiB")
    is_png = first.startswith(b"\x89PNG\r\n\x1a\n")
    if is_png != (path.suffix.lower() == ".png") or not (is_png or b"<" in first):
        raise ValueError("it holds something else than its name says")
    return path


_ROOT = Path(__file__).resolve().parent.parent
#: Media types of logos, by the end of the file's name.
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
#: The largest logo, in bytes.
MAX_LOGO_BYTES = 256 * 1024

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
#: A colour as `#rrggbb`, in lower case.
Colour = Annotated[str, AfterValidator(parse_colour)]
#: The path of an SVG or PNG file.
Logo = Annotated[Path, AfterValidator(_logo)]
#: An address that begins with https://, http:// or mailto:.
HelpUrl = Annotated[str, Field(pattern=r"^(https?://[^/\s]+(/\S*)?|mailto:[^@\s]+@[^@\s]+)$")]
#: 32 bytes as 64 hexadecimal digits, or nothing.
HexKey = Annotated[SecretStr, AfterValidator(_hex_key)]
#: An amount of memory as Docker writes it, such as `4G`.
Memory = Annotated[str, AfterValidator(_memory)]
#: A number of bytes; `25M` is 25 MiB.
Bytes = Annotated[float, BeforeValidator(_bytes), Field(gt=0)]
#: A time in seconds; `2h` is two hours, `off` is 0. At least 10 s otherwise.
Duration = Annotated[float, BeforeValidator(_duration), AfterValidator(_long_enough)]
#: Address of a Postgres database, without its password. Whoever writes one has it not shown.
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
#: An address that begins with http:// or https://.
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")]
#: A name in the DNS, without scheme and port.
DnsName = Annotated[str, AfterValidator(_dns_name)]
#: `host:port[,host:port]`.
Addresses = Annotated[str, AfterValidator(_addresses)]
