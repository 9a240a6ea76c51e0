"""What the page brings along is what its list says."""

import hashlib
import re

import web

VENDOR = web.FOLDER / "vendor"


def test_each_vendored_file_has_the_sha256_and_the_licence_that_the_list_names() -> None:
    listed = dict(
        re.findall(r"^\| `(\S+)` .* `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.M)
    )
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in VENDOR.glob("*.js")}
    assert found == listed
    assert {file.stem for file in VENDOR.glob("*.LICENSE")} == {name.removesuffix(".js") for name in listed}


def test_no_file_of_the_page_names_another_host() -> None:
    for file in [*web.FOLDER.glob("*.js"), *web.FOLDER.glob("*.css"), *web.FOLDER.glob("*.html")]:
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", file.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file.name
