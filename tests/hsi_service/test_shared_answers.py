"""One question for all who ask it in the same moment."""

import asyncio

import pytest

from hsi_service.shared_answers import SharedAnswers


class Oracle:
    """Answers when it is let, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.given_up = 0

    async def answer(self) -> int:
        self.asked += 1
        number = self.asked
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return number

    async def fail(self) -> int:
        await self.answer()
        raise ConnectionError


async def test_all_who_ask_meanwhile_get_the_same_answer_and_who_comes_later_another() -> None:
    oracle, answers = Oracle(), SharedAnswers[str, int]()
    asking = [asyncio.create_task(answers.ask("a", oracle.answer)) for _ in range(50)]
    await asyncio.sleep(0)
    assert answers.is_under_way("a")
    oracle.may_answer.set()
    assert await asyncio.gather(*asking) == [1] * 50
    assert await answers.ask("a", oracle.answer) == 2
    assert await asyncio.gather(*(answers.ask(key, oracle.answer) for key in "bc")) == [3, 4]
    assert len(answers) == 0


async def test_of_many_questions_only_the_last_answers_are_kept() -> None:
    oracle, answers = Oracle(), SharedAnswers[int, int](kept=60.0, most=2)
    oracle.may_answer.set()
    assert [await answers.ask(key, oracle.answer) for key in (1, 2, 3)] == [1, 2, 3]
    assert len(answers) == 2
    assert [await answers.ask(key, oracle.answer) for key in (3, 2, 1)] == [3, 2, 4]


async def test_a_question_that_is_not_remembered_is_answered_to_all_who_wait() -> None:
    oracle, answers = Oracle(), SharedAnswers[int, int](kept=60.0, most=1)
    asking = [asyncio.create_task(answers.ask(key, oracle.answer)) for key in (1, 1, 2)]
    await asyncio.sleep(0)
    oracle.may_answer.set()
    assert await asyncio.gather(*asking) == [1, 1, 2]


async def test_an_answer_is_kept_for_as_long_as_it_may_be_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oracle, answers = Oracle(), SharedAnswers[int, int](kept=1.0)
    oracle.may_answer.set()
    now = 100.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    assert [await answers.ask(0, oracle.answer) for _ in range(3)] == [1, 1, 1]
    now = 100.9
    assert await answers.ask(0, oracle.answer) == 1
    for key in range(1, 100):
        await answers.ask(key, oracle.answer)
    now = 102.0
    assert await answers.ask(0, oracle.answer) == 101
    assert len(answers) == 1


async def test_who_leaves_takes_the_answer_from_nobody_and_the_last_one_ends_the_question() -> None:
    oracle, answers = Oracle(), SharedAnswers[str, int](kept=60)
    first, second = (asyncio.create_task(answers.ask("a", oracle.answer)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    assert answers.is_under_way("a")
    second.cancel()
    await asyncio.wait([first, second])
    await asyncio.sleep(0)
    assert oracle.given_up == 1
    oracle.may_answer.set()
    assert await answers.ask("a", oracle.answer) == 2


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    oracle, answers = Oracle(), SharedAnswers[str, int](kept=60)
    oracle.may_answer.set()
    asking = [answers.ask("a", oracle.fail) for _ in range(3)]
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(result) for result in results] == [ConnectionError] * 3
    assert oracle.asked == 1
    assert await answers.ask("a", oracle.answer) == 2
