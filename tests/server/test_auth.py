"""Which tokens are believed, and what they allow; tokens are made as any identity provider makes them."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from syncchat.core.grant import Role
from syncchat.errors import CloseCode
from syncchat.hub import Denial
from syncchat_server.auth import MAX_NAME, MAX_ROOMS, MAX_TOKEN, Authority, OpenAuthority, make_authority
from syncchat_server.settings import AuthSettings, BadSetting, Settings

SECRET = "a-secret-that-is-as-long-as-its-hash-is"
NOW = int(time.time())
PRIVATE: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def claims(**more: Any) -> dict[str, Any]:
    """What an honest token says; None takes a claim away."""
    told = {"sub": "ada", "exp": NOW + 3600, "rooms": {"team-*": "writer"}} | more
    return {claim: value for claim, value in told.items() if value is not None}


def token(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **more: Any) -> str:
    return jwt.encode(claims(**more), key, algorithm, {"kid": kid} if kid else None)


def authority(folder: Path, **auth: Any) -> Authority:
    """What a daemon on this folder would ask; without other keys it has a secret."""
    if not auth.keys() & {"public_key", "jwks"}:
        (folder / "secret").write_text(SECRET)
    made = make_authority(Settings("127.0.0.1", 0, folder, auth=AuthSettings(**auth)))
    assert isinstance(made, Authority)
    return made


def pem(folder: Path, algorithm: str) -> Path:
    file = folder / f"{algorithm}.pem"
    public = PRIVATE[algorithm].public_key()
    file.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return file


def jwk(algorithm: str, **more: Any) -> dict[str, Any]:
    public: Any = PRIVATE[algorithm].public_key()
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    return dict(made) | more


def jwks(folder: Path, *keys: dict[str, Any]) -> Path:
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": keys}))
    return file


def denied(asked: Authority | OpenAuthority, shown: str) -> str:
    """Why a token is not believed; never in words that hold it."""
    with pytest.raises(Denial) as denial:
        asked.claims(shown)
    assert denial.value.code == CloseCode.UNAUTHENTICATED
    assert not shown or shown not in str(denial.value)
    return str(denial.value)


def test_U1_a_genuine_token_says_who_somebody_is_and_what_that_allows(tmp_path: Path) -> None:
    shown = token(name="Ada L.", jti="t1", rooms={"team-x": "reader", "team-*": "moderator"})
    grant = authority(tmp_path)(shown, "team-7/0")
    assert (grant.user, grant.name, grant.role) == ("ada", "Ada L.", Role.MODERATOR)
    assert (grant.expires, grant.token_id) == (NOW + 3600, "t1")
    assert authority(tmp_path)(shown, "team-x/cover").role is Role.READER


def test_U1_a_subject_that_is_no_name_becomes_one_and_a_display_name_is_cut(tmp_path: Path) -> None:
    found = authority(tmp_path).claims(token(sub="ada@example.org", name="A\x1b[2J\u202eda" + "x" * 200))
    assert found.user.startswith("u-")
    assert found.name.startswith("A[2Jda")
    assert len(found.name) == MAX_NAME


def test_U1_rooms_may_be_a_list_whose_first_fit_decides(tmp_path: Path) -> None:
    found = authority(tmp_path).claims(token(rooms=[["team-x", "reader"], ["*", "agent"]]))
    assert (found.role_in("team-x"), found.role_in("any")) == (Role.READER, Role.AGENT)


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ("", "a token is needed"),
        ("hello", "no valid token"),
        ("a.b.c", "no valid token"),
        ("[" * 5000, "no valid token"),
        ("x" * (MAX_TOKEN + 1), "at most"),
        (token("another-secret-that-is-as-long-as-needed"), "not signed"),
        (token()[:-3], "not signed"),
        (jwt.encode(claims(), "", "none"), "not signed"),
        (token(algorithm="HS512", key=SECRET * 2), "not signed"),
        (token(exp=NOW - 60), "expired"),
        (token(exp=None), "exp"),
        (token(exp="soon"), "no valid token"),
        (token(nbf=NOW + 600), "not valid yet"),
        (token(sub=None), "sub"),
        (token(sub=""), "sub"),
        (token(aud="another"), "audience"),
        (token(name=7), "name"),
        (token(rooms=None), "rooms"),
        (token(rooms="*"), "rooms"),
        (token(rooms={"*": "king"}), "rooms"),
        (token(rooms=[["*"]]), "rooms"),
        (token(rooms={f"room-{n}": "reader" for n in range(MAX_ROOMS + 1)}), "rooms"),
    ],
)
def test_U1_what_is_no_valid_token_opens_nothing(tmp_path: Path, shown: str, reason: str) -> None:
    assert reason in denied(authority(tmp_path), shown)


def test_U1_a_header_that_is_nested_without_end_is_no_token(tmp_path: Path) -> None:
    header = jwt.utils.base64url_encode(b'{"a":' * 1000).decode()
    assert "no valid token" in denied(authority(tmp_path), f"{header}.e30.x")


def test_U1_issuer_audience_and_endless_tokens_are_as_the_settings_have_them(tmp_path: Path) -> None:
    asked = authority(tmp_path, issuer="https://id", audience="syncchat")
    assert "iss" in denied(asked, token(aud="syncchat"))
    assert "iss" in denied(asked, token(aud="syncchat", iss="https://evil"))
    assert "aud" in denied(asked, token(iss="https://id"))
    assert asked.claims(token(iss="https://id", aud=["other", "syncchat"])).user == "ada"
    assert authority(tmp_path, endless_tokens=True).claims(token(exp=None)).expires is None
    renamed = authority(tmp_path, rooms_claim="https://x/rooms")
    assert (
        renamed.claims(jwt.encode(claims() | {"https://x/rooms": {"*": "reader"}}, SECRET)).role_in("any")
        is Role.READER
    )


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_U1_a_public_key_believes_its_own_algorithm_and_no_other(tmp_path: Path, algorithm: str) -> None:
    file = pem(tmp_path, algorithm)
    asked = authority(tmp_path, public_key=file)
    assert asked.claims(token(PRIVATE[algorithm], algorithm)).user == "ada"
    assert asked.claims(token(PRIVATE[algorithm], algorithm, kid="whatever")).user == "ada"
    for other in PRIVATE.keys() - {algorithm}:
        assert "not signed" in denied(asked, token(PRIVATE[other], other))


def test_U1_a_public_key_is_no_secret_to_sign_with(tmp_path: Path) -> None:
    """The classic confusion: HS256 with the bytes of the public key, which everybody has."""
    file = pem(tmp_path, "RS256")
    header, body = ({"alg": "HS256", "typ": "JWT"}, claims())
    encoded = [jwt.utils.base64url_encode(json.dumps(part).encode()) for part in (header, body)]
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = signer.sign(b".".join(encoded), file.read_bytes())
    forged = b".".join([*encoded, jwt.utils.base64url_encode(signature)]).decode()
    assert "not signed" in denied(authority(tmp_path, public_key=file), forged)


def test_U1_a_key_set_is_asked_by_key_id(tmp_path: Path) -> None:
    encryption = jwk("RS256", kid="enc", use="enc")
    file = jwks(tmp_path, jwk("RS256", kid="one"), jwk("EdDSA", kid="two", use="sig"), encryption)
    asked = authority(tmp_path, jwks=file)
    assert asked.claims(token(PRIVATE["RS256"], "RS256", kid="one")).user == "ada"
    assert asked.claims(token(PRIVATE["EdDSA"], "EdDSA", kid="two")).user == "ada"
    assert "not signed" in denied(asked, token(PRIVATE["RS256"], "RS256", kid="two"))
    assert "kid" in denied(asked, token(PRIVATE["RS256"], "RS256", kid="enc"))
    assert "kid" in denied(asked, token(PRIVATE["RS256"], "RS256"))


def test_U1_a_key_that_was_renewed_is_believed_from_then_on_and_the_old_one_no_more(tmp_path: Path) -> None:
    asked = authority(tmp_path, jwks=jwks(tmp_path, jwk("RS256", kid="one")))
    new = token(PRIVATE["ES256"], "ES256", kid="new")
    assert "kid" in denied(asked, new)
    jwks(tmp_path, jwk("ES256", kid="new"))
    assert asked.refresh()
    assert not asked.refresh()
    assert asked.claims(new).user == "ada"
    assert "kid" in denied(asked, token(PRIVATE["RS256"], "RS256", kid="one"))


def test_U1_a_key_file_that_cannot_be_read_any_more_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = authority(tmp_path)
    (tmp_path / "secret").write_text("short")
    assert not asked.refresh()
    assert asked.claims(token()).user == "ada"
    assert "at least 32" in caplog.text
    assert "short" not in caplog.text


def test_U2_an_unknown_and_a_forbidden_room_answer_the_same(tmp_path: Path) -> None:
    asked = authority(tmp_path)
    answers = set()
    for doc in ("secret-plans/0", "no-such-room/0", "no-such-room/cover", "todo"):
        with pytest.raises(Denial) as denial:
            asked(token(), doc)
        answers.add((str(denial.value), denial.value.code))
    assert len(answers) == 1


def test_U4_a_revoked_token_opens_nothing_and_the_others_still_do(tmp_path: Path) -> None:
    asked = authority(tmp_path)
    mine, other = token(jti="mine"), token(jti="other")
    assert asked.claims(mine).token_id == "mine"
    (tmp_path / "revoked").write_text("mine\nand-another\n")
    assert asked.refresh()
    assert "revoked" in denied(asked, mine)
    assert asked.revoked("mine")
    assert asked.claims(other).token_id == "other"
    assert asked.claims(token()).token_id == ""
    assert not asked.revoked("")


def test_U6_without_authentication_the_token_is_a_name(tmp_path: Path) -> None:
    made = make_authority(Settings("127.0.0.1", 0, tmp_path))
    assert isinstance(made, OpenAuthority)
    assert made("ada", "lobby/0").role is Role.AGENT
    assert "who you are" in denied(made, "")


def public_pem(private: Any) -> bytes:
    made: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return made


UNUSABLE: list[tuple[str, bytes, str]] = [
    ("secret_file", b"x" * 31, "at least 32"),
    ("public_key", b"hello", "no public key"),
    ("public_key", public_pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
    ("public_key", public_pem(rsa.generate_private_key(65537, 1024)), "2048"),
    (
        "public_key",
        PRIVATE["EdDSA"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "private",
    ),
    ("jwks", b"hello", "JSON Web Key Set"),
    ("jwks", b'{"keys": []}', "no key"),
    ("jwks", b'{"keys": [7]}', "JSON Web Key Set"),
    ("jwks", json.dumps({"keys": [jwk("RS256"), jwk("EdDSA")]}).encode(), "kid"),
    ("jwks", json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldA"}]}).encode(), "not public"),
    ("jwks", json.dumps({"keys": [{"kty": "RSA", "n": "!", "e": "?"}]}).encode(), "cannot be used"),
]


@pytest.mark.parametrize(("setting", "content", "reason"), UNUSABLE)
def test_U1_a_key_that_cannot_be_believed_is_refused_at_the_start(
    tmp_path: Path, setting: str, content: bytes, reason: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(BadSetting, match=reason) as error:
        authority(tmp_path, **{setting: file})
    assert str(file) in str(error.value)
    assert "c2VjcmV0" not in str(error.value)


def test_U1_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"nowhere.*--jwks"):
        authority(tmp_path, jwks=tmp_path / "nowhere")


def test_U1_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    file = pem(tmp_path, "RS256")
    both = AuthSettings(public_key=file, jwks=jwks(tmp_path, jwk("RS256")))
    with pytest.raises(BadSetting, match="choose one of --public-key and --jwks"):
        make_authority(Settings("127.0.0.1", 0, tmp_path, auth=both))
    with pytest.raises(BadSetting, match="--open"):
        make_authority(Settings("127.0.0.1", 0, tmp_path, auth=AuthSettings(public_key=file), open=True))
