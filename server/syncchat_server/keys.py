"""The keys that tokens are signed with: a shared secret, a public key, or a set of them (JWKS)."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from syncchat_server.settings import BadSetting

MIN_SECRET = 32
"""Bytes of a secret: as many as HS256's hash has (RFC 7518, section 3.2)."""

MIN_RSA_BITS = 2048


class Key(NamedTuple):
    """A key, and the one algorithm that it may be used with."""

    algorithm: str
    public: Any


def read_secret(path: Path) -> bytes:
    """The secret in a file, whose last line may end. Raises BadSetting for a short or unreadable one."""
    secret = _read(path, "--secret-file").rstrip(b"\r\n")
    if len(secret) < MIN_SECRET:
        raise BadSetting(
            f"the secret in {path} has {len(secret)} bytes; at least {MIN_SECRET} are needed: "
            "`syncchat secret` makes one"
        )
    return secret


def secret_keys(path: Path) -> dict[str, Key]:
    """The one key of a secret's file. Raises BadSetting."""
    return {"": Key("HS256", read_secret(path))}


def pem_keys(path: Path) -> dict[str, Key]:
    """The public key in a PEM file (RSA, P-256 or Ed25519). Raises BadSetting."""
    data = _read(path, "--public-key")
    if b"PRIVATE KEY" in data:
        raise BadSetting(f"{path} holds a private key: the daemon needs the public one only (--public-key)")
    try:
        public = load_pem_public_key(data)
    except ValueError as error:
        raise BadSetting(f"{path} holds no public key in PEM (--public-key)") from error
    return {"": _public_key(public, path)}


def jwks_keys(path: Path) -> dict[str, Key]:
    """The signing keys of a JWKS file by their `kid`. Raises BadSetting."""
    try:
        entries = json.loads(_read(path, "--jwks"))["keys"]
        keys = {str(entry.get("kid", "")): entry for entry in entries if entry.get("use", "sig") == "sig"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSetting(f"{path} is no JSON Web Key Set (--jwks)") from error
    if not keys:
        raise BadSetting(f"{path} has no key for signatures (--jwks)")
    if len(keys) < sum(entry.get("use", "sig") == "sig" for entry in entries):
        raise BadSetting(f"{path} has two keys of one name, or several without (kid): name them (--jwks)")
    return {name: _jwk(entry, path) for name, entry in keys.items()}


def _jwk(entry: dict[str, Any], path: Path) -> Key:
    try:
        public = jwt.PyJWK(entry).key
    except (jwt.PyJWTError, TypeError, ValueError):
        raise BadSetting(f"{path} has a key that cannot be used: {_told(entry)}") from None
    return _public_key(public, path)


def _told(entry: dict[str, Any]) -> str:
    # Never the entry itself: that of a private key would reach the log.
    return ", ".join(f"{field} {entry.get(field)!r:.40}" for field in ("kid", "kty", "crv", "alg"))


def _public_key(key: object, path: Path) -> Key:
    match key:
        case RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return Key("RS256", key)
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return Key("ES256", key)
        case Ed25519PublicKey():
            return Key("EdDSA", key)
        case _:
            raise BadSetting(
                f"{path} has a key that is not public, or of a kind that is not believed here: "
                f"use RSA of {MIN_RSA_BITS} bits, P-256 or Ed25519"
            )


def _read(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror} ({setting})") from error
