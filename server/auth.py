"""Who is asking: virtual keys, JWTs, the owner's own token, or the one local tenant of a loopback server."""

import hashlib
import hmac
import math
import time
from collections.abc import Mapping
from typing import Any, Final

import jwt
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import Forbidden, SetupError, Unauthorized
from contracts.identity import LOCAL, Identity
from ports.settings import Settings
from server.faults import shown
from store import keys
from store.engine import Database

KEPT_S: Final = 2.0
"""Seconds for which a key that held is not looked up again: as long as a revoked one may still work."""

SECRET_BYTES: Final = 32
"""Least length of an HS256 secret. Source: RFC 7518, section 3.2."""

OUTAGE_S: Final = 300.0
"""Seconds for which a key that held is taken while the database cannot be asked: health and figures stay readable
when they are needed. Nobody can revoke a key in a database that is away."""

TENANT_HEADER: Final = "x-switchboard-tenant"


class Gate:
    """Turns a request's headers into an identity."""

    def __init__(self, settings: Settings, database: Database, operator: str) -> None:
        self._settings = settings
        self._database = database
        self._operator = operator
        self._known: dict[bytes, tuple[float, Identity]] = {}
        self._open_until = -math.inf

    async def require_auth(self) -> None:
        """Raise SetupError where the address is reachable from outside and nothing guards it, or too little does."""
        secret = self._settings.jwt_secret
        if secret is not None and len(secret.get_secret_value().encode()) < SECRET_BYTES:
            raise SetupError(
                f"SWITCHBOARD_JWT_SECRET is shorter than {SECRET_BYTES} bytes, which can be guessed. Set a longer one."
            )
        if self._settings.on_loopback or self._settings.jwt_secret or await keys.exist(self._database):
            return
        raise SetupError(
            f"Refusing to serve on {self._settings.host} without authentication. Create a key with `switchboard "
            "keys create --tenant NAME --user NAME`, set SWITCHBOARD_JWT_SECRET, or serve on 127.0.0.1."
        )

    async def identify(self, headers: Mapping[str, str]) -> Identity:
        """Return who the headers speak for; raises Unauthorized."""
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            if await self._is_open():
                return LOCAL
            raise Unauthorized("This server wants a key: send `Authorization: Bearer sb_…`.")
        if hmac.compare_digest(secret.encode(), self._operator.encode()):
            return Identity(headers.get(TENANT_HEADER, LOCAL.tenant), "operator", role="operator")
        return await self._of_key(secret) if secret.startswith("sb_") else self._of_jwt(secret)

    async def _is_open(self) -> bool:
        """Tell whether this is a loopback server on which nobody has made a key."""
        if not self._settings.on_loopback or self._settings.jwt_secret:
            return False
        now = time.monotonic()
        if now > self._open_until:
            try:
                there_is_one = await keys.exist(self._database)
            except (SQLAlchemyError, OSError):
                if now > self._open_until + OUTAGE_S:
                    raise
                return True
            self._open_until = -math.inf if there_is_one else now + KEPT_S
        return now <= self._open_until

    async def _of_key(self, secret: str) -> Identity:
        digest = hashlib.sha256(secret.encode()).digest()
        until, who = self._known.get(digest, (-math.inf, LOCAL))
        if time.monotonic() < until:
            return who
        try:
            found = await keys.find(self._database, secret)
        except (SQLAlchemyError, OSError):
            if time.monotonic() > until + OUTAGE_S:
                raise
            return who
        if found is None:
            self._known.pop(digest, None)
            raise Unauthorized(f"The key {secret[:6]}… is unknown or revoked. Ask your operator for another.")
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[digest] = (time.monotonic() + KEPT_S, found)
        return found

    def _of_jwt(self, token: str) -> Identity:
        if self._settings.jwt_secret is None:
            raise Unauthorized("This server takes keys that start with sb_, not tokens.")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._settings.jwt_secret.get_secret_value(),
                algorithms=["HS256"],
                options={"require": ["sub", "exp"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthorized(
                f"The token does not hold: {error}. Send a key (sb_…), or a token signed with HS256 that names "
                "tenant, sub and exp."
            ) from error
        for claim in ("tenant", "sub"):
            if not isinstance(claims.get(claim), str) or not claims[claim]:
                raise Unauthorized(
                    f"The token's claim `{claim}` is {shown(claims.get(claim))}; it must be a name. Have it "
                    "issued anew."
                )
        role = claims.get("role", "member")
        if role not in keys.ROLES:
            raise Unauthorized(
                f"The token's claim `role` is {shown(role)}; it must be {', '.join(keys.ROLES[:-1])} or "
                f"{keys.ROLES[-1]}. Have it issued anew."
            )
        groups = groups_of(claims.get("groups", []))
        department = str(claims.get("department", ""))
        return Identity(claims["tenant"], claims["sub"], department, str(role), groups=groups)


def groups_of(claim: object) -> tuple[str, ...]:
    """Return the groups that a token names. Raises Unauthorized for anything but a list of names."""
    names: list[object] = list(claim) if isinstance(claim, list) else [claim]  # pyright: ignore[reportUnknownArgumentType] - a list of anything
    if not isinstance(claim, list) or not all(isinstance(name, str) and name for name in names):
        raise Unauthorized(
            f"The token's claim `groups` is {shown(claim)}; it must be a list of names. Have it issued anew."
        )
    return tuple(sorted({str(name) for name in names}))


def require_owner(who: Identity) -> None:
    """Raise Forbidden for a member."""
    if who.role == "member":
        raise Forbidden(
            f"{who.user!r} is a member here, and only an owner may do this. Ask one, or use a key with that role."
        )
