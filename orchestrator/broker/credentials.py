"""Secrets of the broker's users: made here, handed out once, kept only as hashes.

{folder}/users.json            hashes by user name, for both brokers
{folder}/{user}.secret         the orchestrator's own secret, which it needs to connect
{folder}/.lock                 held while users.json is changed

CredentialsError
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import secrets as random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import bcrypt
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from mqtt_schemas.topics import Instance
from orchestrator.broker.access import Hashes, orchestrator_user
from orchestrator.broker.files import give_to_owner_of, make_folder, write_file

USERS = "users.json"

# A secret is 256 random bits, which nobody guesses however fast the hash. A slow one would only
# slow down the hour in which every device reconnects: at bcrypt's usual cost 1,000 devices take
# a core a minute.
_BCRYPT_COST = 4
# mosquitto_passwd's own count, salt and length.
_PBKDF2_ROUNDS = 101
_PBKDF2_SALT = 12
_PBKDF2_LENGTH = 64

_BCRYPT = r"^\$2a\$\d\d\$[./A-Za-z0-9]{53}$"
_PBKDF2 = r"^\$7\$\d+\$[+/=A-Za-z0-9]+\$[+/=A-Za-z0-9]+$"
#: A user's name: two ids with a dot between.
_NAME = r"^[a-z0-9-]{1,40}\.[a-z0-9-]{1,40}$"


class CredentialsError(Exception):
    """The credentials can't be read or changed. The text is one sentence."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bcrypt: Annotated[str, StringConstraints(pattern=_BCRYPT)]
    pbkdf2: Annotated[str, StringConstraints(pattern=_PBKDF2)]


class _Users(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1] = 1
    users: dict[Annotated[str, StringConstraints(pattern=_NAME)], _Entry] = {}


def new_secret() -> str:
    """Return 32 random bytes as 43 URL-safe characters."""
    return random.token_urlsafe(32)


def hash_secret(secret: str, *, salt: Callable[[int], bytes] = random.token_bytes) -> Hashes:
    """Return the secret's hashes for both brokers."""
    text = secret.encode()
    return Hashes(
        # NATS takes bcrypt by its first marking, $2a$; the algorithm is the same.
        bcrypt=bcrypt.hashpw(text, bcrypt.gensalt(_BCRYPT_COST, prefix=b"2a")).decode(),
        pbkdf2=_pbkdf2(text, salt(_PBKDF2_SALT)),
    )


def _pbkdf2(secret: bytes, salt: bytes) -> str:
    # Mosquitto 2, password_mosq.c: $7$rounds$salt$hash, PBKDF2 with HMAC-SHA-512.
    digest = hashlib.pbkdf2_hmac("sha512", secret, salt, _PBKDF2_ROUNDS, _PBKDF2_LENGTH)
    salted, hashed = (base64.b64encode(each).decode() for each in (salt, digest))
    return f"$7${_PBKDF2_ROUNDS}${salted}${hashed}"


class Credentials:
    """The credentials folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hashes(self) -> Mapping[str, Hashes]:
        """Return the hashes by user name; none before the first. Raises CredentialsError."""
        path = self._folder / USERS
        try:
            content = _Users.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CredentialsError(f"{path} can't be read: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise CredentialsError(f"{path} is damaged: {where!a}: {first['msg']}") from None
        return {
            name: Hashes(bcrypt=entry.bcrypt, pbkdf2=entry.pbkdf2)
            for name, entry in content.users.items()
        }

    def keep(self, secrets: Mapping[str, str]) -> None:
        """Keep the hashes of {user: secret}. What a user had is void from the broker's reload.

        Raises CredentialsError.
        """
        new = {user: hash_secret(secret) for user, secret in secrets.items()}
        self._change(lambda users: {**users, **new})

    def revoke(self, user: str) -> bool:
        """Forget the user, and tell whether it was known. Raises CredentialsError."""
        known = user in self.hashes()
        self._change(lambda users: {name: each for name, each in users.items() if name != user})
        return known

    def secret_file(self, instance: Instance) -> Path:
        """Return the file of the orchestrator's own secret, made at the first call.

        Each step can be done again: a crash between file and hashes heals at the next call.
        Raises CredentialsError.
        """
        user = orchestrator_user(instance)
        path = self._folder / f"{user}.secret"
        with self._errors(path):
            if not path.exists():
                make_folder(self._folder)
                write_file(path, new_secret() + "\n")
            secret = path.read_text(encoding="utf-8").strip()
        known = self.hashes().get(user)
        if known is None or not bcrypt.checkpw(secret.encode(), known.bcrypt.encode()):
            self.keep({user: secret})
        return path

    def _change(self, change: Callable[[Mapping[str, Hashes]], Mapping[str, Hashes]]) -> None:
        path = self._folder / USERS
        with self._errors(path), self._locked():
            changed = {
                name: _Entry(bcrypt=each.bcrypt, pbkdf2=each.pbkdf2)
                for name, each in sorted(change(self.hashes()).items())
            }
            write_file(path, _Users(users=changed).model_dump_json(indent=1) + "\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Two people enrolling devices at once must not undo each other.
        make_folder(self._folder)
        with (self._folder / ".lock").open("w") as lock:
            give_to_owner_of(self._folder, lock.fileno())
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _errors(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CredentialsError(f"{path} can't be used: {error.strerror}") from None
