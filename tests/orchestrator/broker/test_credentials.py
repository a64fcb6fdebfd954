"""Secrets and their hashes on disk."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.topics import Instance
from orchestrator.broker.credentials import (
    USERS,
    Credentials,
    CredentialsError,
    hash_secret,
    new_secret,
)

MAIN = Instance("main")


def fits(secret: str, hashed: str) -> bool:
    """Tell whether a bcrypt hash is the secret's."""
    return bcrypt.checkpw(secret.encode(), hashed.encode())


@given(st.text("abcXYZ019-_", min_size=1, max_size=43))
def test_both_hashes_are_the_secrets(secret: str) -> None:
    """Bcrypt accepts the secret, and PBKDF2 of the stored salt gives the stored hash."""
    hashes = hash_secret(secret)
    assert fits(secret, hashes.bcrypt)
    _, algorithm, rounds, salt, digest = hashes.pbkdf2.split("$")
    again = hashlib.pbkdf2_hmac(
        "sha512", secret.encode(), base64.b64decode(salt), int(rounds), dklen=64
    )
    assert (algorithm, base64.b64decode(digest)) == ("7", again)


def test_secrets_are_long_and_never_the_same() -> None:
    """A secret is 32 random bytes in letters that every file and shell takes."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(base64.urlsafe_b64decode(each + "=")) for each in secrets} == {32}


def test_only_hashes_are_kept(tmp_path: Path) -> None:
    """The secret is in no file of the folder; the file is for its owner only."""
    credentials = Credentials(tmp_path / "c")
    credentials.keep({"a.b": "the-secret"})
    path = tmp_path / "c" / USERS
    assert "the-secret" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert fits("the-secret", credentials.hashes()["a.b"].bcrypt)


def test_a_new_secret_replaces_the_old(tmp_path: Path) -> None:
    """After keep() only the newer secret fits, and others are untouched."""
    credentials = Credentials(tmp_path)
    credentials.keep({"a.b": "old", "a.c": "other"})
    credentials.keep({"a.b": "new"})
    hashes = credentials.hashes()
    assert fits("new", hashes["a.b"].bcrypt)
    assert not fits("old", hashes["a.b"].bcrypt)
    assert fits("other", hashes["a.c"].bcrypt)


def test_revoke_forgets(tmp_path: Path) -> None:
    """A revoked user is gone; revoking one that is unknown says so."""
    credentials = Credentials(tmp_path)
    credentials.keep({"a.b": "x"})
    assert credentials.revoke("a.b")
    assert not credentials.revoke("a.b")
    assert credentials.hashes() == {}


def test_before_the_first_there_is_nobody(tmp_path: Path) -> None:
    """A folder that is not there yet holds no users."""
    assert Credentials(tmp_path / "none").hashes() == {}


def test_the_orchestrators_secret_stays(tmp_path: Path) -> None:
    """Its file is made once, for the owner only, and fits what the broker is told."""
    credentials = Credentials(tmp_path)
    path = credentials.secret_file(MAIN)
    secret, kept = path.read_text().strip(), credentials.hashes()
    assert credentials.secret_file(MAIN) == path
    assert path.read_text().strip() == secret
    assert credentials.hashes() == kept
    assert fits(secret, kept["orchestrator.main"].bcrypt)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_crash_between_file_and_hashes_heals(tmp_path: Path) -> None:
    """Where hashes and file do not fit, the file holds."""
    credentials = Credentials(tmp_path)
    path = credentials.secret_file(MAIN)
    credentials.keep({"orchestrator.main": "something else"})
    secret = credentials.secret_file(MAIN).read_text().strip()
    assert path.read_text().strip() == secret
    assert fits(secret, credentials.hashes()["orchestrator.main"].bcrypt)


def test_people_enrolling_at_once_lose_nothing(tmp_path: Path) -> None:
    """Changes from several processes or threads all arrive."""
    names = [f"a.pc-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: Credentials(tmp_path).keep({name: "x"}), names))
    assert sorted(Credentials(tmp_path).hashes()) == sorted(names)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("", "the file"),
        ("{}x", "the file"),
        ('{"v": 2, "users": {}}', "v"),
        ('{"users": {"a.b": {"bcrypt": "plain", "pbkdf2": "x"}}}', "users.a.b.bcrypt"),
        ('{"users": {"a b\\nuser root": {}}}', "users"),
        ('{"people": {}}', "people"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: str, where: str) -> None:
    """The sentence names the file and the place, and shows no content."""
    (tmp_path / USERS).write_text(content)
    with pytest.raises(CredentialsError, match=r"users\.json is damaged: ") as refusal:
        Credentials(tmp_path).hashes()
    assert where in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_damaged_file_is_not_overwritten(tmp_path: Path) -> None:
    """keep() refuses rather than begin anew and lock every device out."""
    (tmp_path / USERS).write_text("{")
    with pytest.raises(CredentialsError):
        Credentials(tmp_path).keep({"a.b": "x"})
    assert (tmp_path / USERS).read_text() == "{"


def test_a_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path) -> None:
    """The reason is the system's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialsError, match=r"can't be used: (Not a directory|File exists)"):
        Credentials(tmp_path / "file" / "c").keep({"a.b": "x"})


def test_the_file_is_json_for_others(tmp_path: Path) -> None:
    """What is written can be read by anything."""
    Credentials(tmp_path).keep({"a.b": "x"})
    content = json.loads((tmp_path / USERS).read_text())
    assert content["v"] == 1
    assert set(content["users"]["a.b"]) == {"bcrypt", "pbkdf2"}
