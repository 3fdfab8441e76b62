"""A home's own authority, and a server that only those trust who trust it."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate_of(
    subject: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *more: Any
) -> x509.Certificate:
    """Return one that says no more of itself than it must."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(issuer, name, key.public_key())
    certificate = certificate.serial_number(x509.random_serial_number())
    certificate = certificate.not_valid_before(now - timedelta(days=1))
    certificate = certificate.not_valid_after(now + timedelta(days=1))
    for extension in more:
        certificate = certificate.add_extension(extension, critical=False)
    return certificate.sign(signer, hashes.SHA256())


def private_server(authority_file: Path, address: str = "127.0.0.1") -> ssl.SSLContext:
    """Make an authority; return what a server at an address shows that it has signed.

    Args:
        authority_file: Written: the authority's certificate.
        address: Of the server.

    """
    authority, own = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    is_authority = x509.BasicConstraints(ca=True, path_length=None)
    of_authority = certificate_of("authority", authority, authority, is_authority)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    pem = serialization.Encoding.PEM
    authority_file.write_bytes(of_authority.public_bytes(pem))
    shown = authority_file.with_name("shown.pem")
    plainly = serialization.NoEncryption()
    shown.write_bytes(
        own.private_bytes(pem, serialization.PrivateFormat.PKCS8, plainly)
        + certificate_of("server", own, authority, names).public_bytes(pem)
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(shown)
    return tls
