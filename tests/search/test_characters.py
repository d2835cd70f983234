"""Texts in scripts that put no spaces between their words: what is found in them, and how it is shown."""

import pytest

from syncchat.core.ids import format_id
from syncchat.search import Change, Index, parse


def message(time: int) -> str:
    return format_id(time, "ada", 0)


WITHOUT_SPACES = {
    message(1): "你好世界",
    message(2): "世界杯 (World Cup) 在哪里看https://example.org",
    message(3): "界世",
    message(4): "コーヒーを飲みたい",
    message(5): "日本語とEnglishを混ぜる𠮷野家",
    message(6): "커피 마시고 싶어요",
}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("世界", [2, 1]),
        ("世", [3, 2, 1]),
        ("世 界", [3, 2, 1]),
        ('"世界"', [2, 1]),
        ("世界*", [2, 1]),
        ("世界杯", [2]),
        ("好界", []),
        ("world 世界", [2]),
        ("has:link", [2]),
        ("コーヒー", [4]),
        ("飲み", [4]),
        ("english", [5]),
        ("とEnglishを", [5]),
        ("𠮷野", [5]),
        ("커피", [6]),
        ("피", []),
    ],
)
async def test_H8_scripts_that_put_no_spaces_between_words_are_searched_within(
    text: str, times: list[int]
) -> None:
    async with Index() as index:
        await index.apply([Change("lobby/0", 1, WITHOUT_SPACES)])
        assert [hit.time for hit in (await index.search(parse(text))).hits] == times


@pytest.mark.anyio
async def test_H8_a_hit_in_such_a_script_reads_as_it_was_written() -> None:
    async with Index() as index:
        await index.apply([Change("lobby/0", 1, WITHOUT_SPACES)])
        [hit, _] = (await index.search(parse("世界"))).hits
        assert hit.snippet == WITHOUT_SPACES[message(2)]
        assert [hit.snippet[begin:end] for begin, end in hit.marks] == ["世界"]
        await index.apply(
            [Change("lobby/0", 2, {message(1): "\x04你\x04", message(3): WITHOUT_SPACES[message(3)]})]
        )
        assert [hit.snippet for hit in (await index.search(parse("你"))).hits] == [" 你 "]
