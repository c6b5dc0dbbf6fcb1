"""A listener such as a team's own Kafka has: TLS with an authority of its own, and SCRAM."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from embedded_kafka import EmbeddedBroker
from mosshub_contract.ports import free_port


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_certificates(host: str) -> tuple[str, str]:
    """Return an authority's certificate, and an address's key with its certificate; all are PEM."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    made = []
    for key, name in zip(keys, ("an authority", host), strict=True):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name_of(name))
            .issuer_name(name_of("an authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name != host, path_length=None), critical=True)
        )
        if name == host:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
            builder = builder.add_extension(names, critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(Encoding.PEM).decode())
    private = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return made[0], private + made[1]


class OwnKafka(EmbeddedBroker):
    """A broker with accounts, and one listener more.

    Args:
        data_dir: its directory, made if it does not exist.
        secret_file: as EmbeddedBroker has it.
        host: the address of this machine at which that listener is, to whoever has an account.

    Attributes:
        authority: the certificate of who signed that listener's, as PEM.
        authority_file: the same in a file.
        own_servers: where that listener is, as clients take it.
    """

    def __init__(self, data_dir: Path, secret_file: Path, host: str = "127.0.0.1") -> None:
        super().__init__(data_dir, port=0, secret_file=secret_file, show=print)
        self.authority, self._certificate = make_certificates(host)
        self.authority_file = secret_file.with_name("authority.pem")
        self.authority_file.write_text(self.authority)
        self.own_servers = f"{host}:{free_port()}"

    def _server(self, secret: str) -> list[str]:
        command = super()._server(secret)
        certificate = self.data_dir / "certificate.pem"
        certificate.write_text(self._certificate)
        properties = self.data_dir / "server.properties"
        before = dict(
            line.split("=", 1) for line in properties.read_text().splitlines() if line[0] != "#"
        )
        listener = {
            "listeners": f"OWN://{self.own_servers}",
            "advertised.listeners": f"OWN://{self.own_servers}",
            "listener.security.protocol.map": "OWN:SASL_SSL",
        }
        more = {name: f"{before[name]},{value}" for name, value in listener.items()} | {
            "listener.name.own.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.own.ssl.keystore.type": "PEM",
            "listener.name.own.ssl.keystore.location": str(certificate),
        }
        with properties.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in more.items())
        return command
