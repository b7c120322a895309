"""All processes of one test run find the same tests."""

import gzip

import pytest

HEADER = "\\x1f\\x8b"


@pytest.mark.parametrize("content", [gzip.compress(b"a"), gzip.compress(b"b")])
def test_names_of_tests_do_not_depend_on_the_time(
    request: pytest.FixtureRequest, content: bytes
) -> None:
    assert gzip.decompress(content) in (b"a", b"b")
    assert request.node.name.startswith(f"{request.node.originalname}[content")
    assert not [item.nodeid for item in request.session.items if HEADER in item.nodeid]
