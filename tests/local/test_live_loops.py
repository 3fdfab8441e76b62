"""Which loops await while they go through something that others may change."""

import ast

import pytest

from local.lint.live_loops import findings


def found(*lines: str) -> list[str]:
    body = "".join(f"        {line}\n" for line in lines)
    source = f"class Hub:\n    async def run(self):\n{body}"
    return [finding.container for finding in findings({"hub": ast.parse(source)})]


@pytest.mark.parametrize(
    "container",
    ["self.clients", "self._a.b", "self.topics.values()", "self.topics.items()", "topic.clients"],
)
@pytest.mark.parametrize(
    "body",
    [
        "await one.close()",
        "yield one",
        "if one:\n                await one.close()",
        "async with one:\n                pass",
        "async for other in one:\n                pass",
        "found = [await each.get() for each in one]",
        "found = [each async for each in one]",
    ],
)
def test_a_loop_that_awaits_inside_is_found(container: str, body: str) -> None:
    assert found(f"for one in {container}:", f"    {body}") == [container]


@pytest.mark.parametrize(
    "comprehension",
    [
        "[await one.get() for one in self.clients]",
        "{one: await one.get() for one in self.clients}",
        "[one for one in self.clients if await one.lives()]",
        "[other for one in self.clients async for other in one]",
        "(await one.get() for one in self.clients)",
    ],
)
def test_a_comprehension_that_awaits_inside_is_found(comprehension: str) -> None:
    assert found(f"return {comprehension}") == ["self.clients"]


@pytest.mark.parametrize("copy", ["tuple", "list", "sorted", "set"])
def test_a_copy_may_be_gone_through(copy: str) -> None:
    assert found(f"for one in {copy}(self.clients):", "    await one.close()") == []


@pytest.mark.parametrize(
    "lines",
    [
        ("for one in self.clients:", "    one.close()"),
        ("for one in self.clients:", "    self.later(lambda: [x async for x in one])"),
        ("for one in clients:", "    await one.close()"),
        ("for one in self.read():", "    await one.close()"),
        ("for one in await self.read():", "    one.close()"),
        ("return [one for one in await self.read()]",),
        ("return [one for one in self.clients]",),
    ],
)
def test_other_loops_are_none_of_its_business(lines: tuple[str, ...]) -> None:
    assert found(*lines) == []


def test_a_function_that_is_no_coroutine_cannot_be_interrupted() -> None:
    tree = ast.parse("def run(self):\n    for one in self.clients:\n        yield one\n")
    assert findings({"hub": tree}) == []


def test_what_is_found_says_where_and_what_to_write() -> None:
    tree = ast.parse("async def f(self):\n for x in self.a:\n  await x\n")
    (finding,) = findings({"two.user": tree})
    assert str(finding) == (
        "two.user, line 2: self.a may change while this loop awaits; go through tuple(self.a)"
    )
