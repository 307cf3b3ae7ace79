"""A certificate authority of the test run: a server for ``localhost``, CPEs and USP endpoints."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificates:
    """Makes certificates in a directory; the names are those of PEM files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.authority = self._write("authority.pem", self._signed(self._name, self._key))
        self.server, self.server_key = self.issue("localhost")

    def client(self, name: str = "") -> ssl.SSLContext:
        """TLS of a CPE that trusts this authority, with a certificate of its own for ``name``."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if name:
            context.load_cert_chain(*self.issue(name))
        return context

    def issue(self, name: str) -> tuple[Path, Path]:
        """Sign a certificate for a name; its file and that of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = self._directory / f"{name}.key"
        path.write_bytes(private)
        return self._write(f"{name}.pem", self._signed(subject, key)), path

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        is_authority = subject == self._name
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if not is_authority:
            name = str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
            alternative: x509.GeneralName | None = None
            if name == "localhost":
                alternative = x509.DNSName(name)
            elif ":" in name:  # an endpoint id of USP (TR-369, R-SEC.0a)
                alternative = x509.UniformResourceIdentifier(f"urn:bbf:usp:id:{name}")
            if alternative is not None:
                names = x509.SubjectAlternativeName([alternative])
                builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self._directory / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path
