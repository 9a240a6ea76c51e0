"""What a web address must be before anything is asked of it, and how one page has one name."""

import re
from typing import Final

import httpx

from contracts.errors import BadRequest

LONGEST: Final = 2000
"""Characters of an address."""
SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(text: str) -> bool:
    """Tell whether an argument is meant as an address rather than a path, a good one or not."""
    return SCHEME.match(text) is not None


def to_address(text: str) -> str:
    """Return the address as its page is called in the index: without fragment, the host in lower case.

    Raises BadRequest for any but an http or https address without credentials.
    """
    if len(text) > LONGEST:
        raise BadRequest(f"The address {text[:80]!r}… has {len(text)} characters; the limit is {LONGEST}.")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as cause:
        raise BadRequest(f"{text[:200]!r} is no web address: {cause}.") from cause
    if url.scheme not in ("http", "https"):
        raise BadRequest(
            f"{text[:200]!r} is not a page of the web: an address begins with http:// or https://."
        )
    if not url.host or (url.port or 0) > 65_535:
        raise BadRequest(
            f"{text[:200]!r} names no host, or no port that there is. An address is such as https://example.org/handbook."
        )
    if url.userinfo:  # not shown: there may be a password in it
        raise BadRequest(
            f"The address of {url.host!r} holds a user name or a password. Pages that need one are not fetched."
        )
    return str(url.copy_with(fragment=None))


def host_of(address: str) -> str:
    """Return host and port: what politeness and robots.txt are about."""
    return httpx.URL(address).netloc.decode("ascii")


def site_of(address: str) -> str:
    """Return the host without a leading `www.`: a sitemap may list the pages of both."""
    return httpx.URL(address).host.removeprefix("www.")
