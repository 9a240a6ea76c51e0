"""robots.txt as RFC 9309 has it: the group for this program, the longest rule, and patterns in linear time."""

import pytest

from ingest.web_robots import fits, robots_from

TEXT = """
User-agent: *
Disallow: /
Crawl-delay: 3

User-agent: Other
User-agent: Switchboard   # both have these
Crawl-delay: 1.5
Disallow: /private
Allow: /private/open
Disallow: /*.pdf$
Disallow:
"""


def test_the_group_that_names_this_program_is_its_own() -> None:
    robots = robots_from(TEXT)
    assert robots.delay == 1.5
    allowed = {
        path: robots.allows(path) for path in ("/", "/private/x", "/private/open/x", "/a.pdf", "/a.pdf?x")
    }
    assert allowed == {
        "/": True,
        "/private/x": False,
        "/private/open/x": True,
        "/a.pdf": False,
        "/a.pdf?x": True,
    }


def test_without_a_group_of_its_own_it_has_the_one_for_all() -> None:
    robots = robots_from(TEXT.replace("Switchboard", "Another"))
    assert (robots.allows("/a"), robots.delay) == (False, 3.0)
    assert robots_from("").allows("/a")
    assert robots_from("<html>Not found</html>").allows("/a")


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("/a", "/ab", True),
        ("/a$", "/ab", False),
        ("/a*c", "/abc/d", True),
        ("/*/c$", "/a/b/c", True),
        ("/*/c$", "/a/b/c/", False),
        ("/a*a$", "/a", False),
        ("*", "/", True),
    ],
)
def test_a_pattern_fits(pattern: str, path: str, does: bool) -> None:
    assert fits(pattern, path) is does


@pytest.mark.timeout(5)
def test_a_pattern_that_means_harm_takes_no_time() -> None:
    assert not fits("/" + "*a" * 2000 + "$", "/" + "a" * 1999)
