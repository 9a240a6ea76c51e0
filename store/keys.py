"""Virtual keys. Only the sha256 of a secret is kept.

A slow hash protects passwords that people choose; 32 random characters of base 62 (190 bits) cannot be
guessed from their sha256, and a fast one costs a request nothing.
"""

import hashlib
import hmac
import secrets
import string
from collections.abc import Sequence
from typing import TypedDict, cast

from sqlalchemy import Connection, bindparam, func, insert, select, update

from contracts.errors import BadRequest, Unknown
from contracts.identity import Identity
from store.engine import reads, writes
from store.ids import id_for, now
from store.paging import Page, page
from store.tables import keys

ROLES = ("member", "owner", "operator")
_BASE62 = string.digits + string.ascii_letters


class Key(TypedDict):
    """A key as lists show it: all but the secret."""

    id: str
    user: str
    department: str
    groups: list[str]
    """Further groups whose documents it may read."""
    role: str
    name: str
    created_at: str
    revoked_at: str | None


@writes
def create(
    connection: Connection,
    tenant: str,
    user: str,
    department: str = "",
    role: str = "member",
    name: str = "",
    groups: Sequence[str] = (),
) -> tuple[Key, str]:
    """Return a new key and its secret `sb_…`, which nobody can read again.

    Raises BadRequest for an unknown role, an empty tenant or an empty user.
    """
    if role not in ROLES:
        raise BadRequest(f"{role[:40]!r} is not a role. Choose one of {', '.join(ROLES)}.")
    if not (tenant and user):
        raise BadRequest("A key belongs to a tenant and a user; give both.")
    secret = "sb_" + "".join(secrets.choice(_BASE62) for _ in range(32))
    row = {"tenant": tenant, "id": id_for("key"), "user_id": user, "department": department}
    row |= {
        "role": role,
        "groups": sorted(set(groups)),
        "name": name,
        "sha256": _sha256(secret),
        "created_at": now(),
    }
    connection.execute(insert(keys), row)
    shown = select(*_SHOWN).where(keys.c.tenant == tenant, keys.c.id == row["id"])
    return cast(Key, dict(connection.execute(shown).mappings().one())), secret


@reads
def find(connection: Connection, secret: str) -> Identity | None:
    """Return who the secret belongs to; None for an unknown or revoked one.

    The time it takes tells nothing of the secret: the index sees only its hash, compared in constant time.
    """
    digest = _sha256(secret)
    row = connection.execute(_FIND, {"digest": digest}).first()
    if row is None or row.revoked_at or not hmac.compare_digest(row.sha256, digest):
        return None
    return Identity(row.tenant, row.user_id, row.department, row.role, row.id, tuple(row.groups))


@reads
def exist(connection: Connection) -> bool:
    """Tell whether any tenant has a key that holds; until then loopback needs none."""
    living = select(func.count()).select_from(keys).where(keys.c.revoked_at.is_(None))
    return connection.execute(living).scalar_one() > 0


@reads
def listing(connection: Connection, tenant: str, limit: int = 50, cursor: str | None = None) -> Page[Key]:
    """Return a page of the tenant's keys, newest first, revoked ones included."""
    query = select(*_SHOWN).where(keys.c.tenant == tenant)
    return cast(Page[Key], page(connection, query, [keys.c.id], ["keys", tenant], limit=limit, cursor=cursor))


@writes
def revoke(connection: Connection, tenant: str, id: str) -> None:
    """Make the key hold no longer; a second time changes nothing. Raises Unknown."""
    this = (keys.c.tenant == tenant) & (keys.c.id == id)
    revoked = update(keys).where(this).values(revoked_at=func.coalesce(keys.c.revoked_at, now()))
    if connection.execute(revoked).rowcount == 0:
        raise Unknown("key", id)


_FIND = select(keys).where(keys.c.sha256 == bindparam("digest"))
_SHOWN = (
    keys.c.id,
    keys.c.user_id.label("user"),
    *(keys.c[name] for name in ("department", "groups", "role", "name", "created_at", "revoked_at")),
)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
