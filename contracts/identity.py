"""Who is asking. Every query, point and key carries the tenant found here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The tenant, user, department and role that a request acts for."""

    tenant: str
    user: str
    department: str = ""
    role: str = "member"
    """`member` asks; `owner` may also edit agents and answer escalations; `operator` too, and with
    the token in `owner.json` for any tenant."""
    key: str = ""
    """Id of the virtual key; empty on loopback without keys and for JWTs."""
    groups: tuple[str, ...] = ()
    """Further groups, beside the department, whose documents may be read."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the groups whose documents may be read, sorted, each once; what is everyone's is beside them."""
        return tuple(sorted({group for group in (self.department, *self.groups) if group}))


LOCAL = Identity(tenant="local", user="local", role="owner")
"""The one tenant on loopback while no key is configured."""
