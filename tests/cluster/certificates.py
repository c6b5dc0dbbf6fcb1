"""The cluster's certificate authority, and the kubeconfig files of whoever has a certificate."""

from __future__ import annotations

import datetime
import ipaddress
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_USES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
_MORE_USES = ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in uses for name in _USES + _MORE_USES})


class Authority:
    """A certificate authority for one cluster.

    Args:
        directory: where it writes keys, certificates and kubeconfig files.

    Attributes:
        certificate_file: its own certificate.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        self._key = self.make_key("ca")
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate_file = directory / "ca.crt"
        self.certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def make_key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """Make a key; write it to NAME.key and its public half to NAME.pub."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for suffix, content in (("key", private), ("pub", public)):
            file = self.directory / f"{name}.{suffix}"
            file.touch(mode=0o600)
            file.write_bytes(content)
        return key

    def issue(self, name: str, user: str, *, group: str = "", hosts: tuple[str, ...] = ()) -> None:
        """Write NAME.key and NAME.crt, a certificate for a user of the API and for host names."""
        key = self.make_key(name)
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        if group:
            subject.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        usage = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        certificate = (
            self._builder(x509.Name(subject), key)
            .add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts or (name,)]), False)
            .add_extension(key_usage("digital_signature"), critical=True)
            .add_extension(usage, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self.directory / f"{name}.crt"
        file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def kubeconfig(self, name: str, server: str) -> Path:
        """Write NAME.conf, with which the owner of NAME.crt reaches the API server; return it."""
        files = self.directory
        user = {"client-certificate": f"{files / name}.crt", "client-key": f"{files / name}.key"}
        cluster = {"server": server, "certificate-authority": str(self.certificate_file)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        file = files / f"{name}.conf"
        file.write_text(json.dumps(content))
        return file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(issuer_key, critical=False)
        )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
