"""Questions that many ask in the same moment: asked once, and answered to all of them.

What an answer costs then follows what there is to know, and not how many want to know it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Asked(Generic[V]):
    """A question that is under way, or its answer."""

    __slots__ = ("at", "task", "waiting")

    def __init__(self, task: "asyncio.Task[V]", at: float) -> None:
        self.task = task
        self.at = at
        self.waiting = 0
        """How many wait for the answer."""


class SharedAnswers(Generic[K, V]):
    """Answers, given to all who ask while the question is under way, or for a while after it."""

    def __init__(self, *, kept: float = 0.0, most: int | None = None) -> None:
        """Begin without an answer.

        Args:
            kept: Seconds, from the moment at which it was asked, for which an answer is given to
                those who ask again. A failure is told to those who wait for it, and not kept.
            most: Questions of which that is remembered; of more, the one that was asked longest
                ago is asked again. None: there are never many.

        """
        self._kept = kept
        self._most = most
        self._asked: dict[K, _Asked[V]] = {}
        """By question, the oldest first."""

    def __len__(self) -> int:
        """Return how many questions are under way, or have an answer that is kept."""
        return len(self._asked)

    def is_under_way(self, key: K) -> bool:
        """Return whether somebody waits for the answer to a question."""
        asked = self._asked.get(key)
        return asked is not None and not asked.task.done()

    async def ask(self, key: K, question: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the answer to a question.

        Args:
            key: The question. Equal ones are the same.
            question: Asks it. Cancelled when all who wait for it have left.

        """
        now = asyncio.get_running_loop().time()
        self._forget_old(now)
        asked = self._asked.get(key)
        if asked is None or self._is_over(asked, now):
            self._asked.pop(key, None)  # The new one goes to the end.
            asked = self._asked[key] = _Asked(asyncio.create_task(question()), now)
            if self._most is not None and len(self._asked) > self._most:
                del self._asked[next(iter(self._asked))]
        asked.waiting += 1
        try:
            # Shielded: who leaves must not take it away from the others.
            return await asyncio.shield(asked.task)
        finally:
            asked.waiting -= 1
            if not self._is_kept(asked) and not asked.waiting:
                asked.task.cancel()
                if self._asked.get(key) is asked:
                    del self._asked[key]

    def _is_kept(self, asked: _Asked[V]) -> bool:
        """Return whether there is an answer that may be given again."""
        task = asked.task
        return bool(
            self._kept and task.done() and not task.cancelled() and task.exception() is None
        )

    def _is_over(self, asked: _Asked[V], now: float) -> bool:
        """Return whether an answer is too old, or a failure."""
        return asked.task.done() and (now - asked.at >= self._kept or not self._is_kept(asked))

    def _forget_old(self, now: float) -> None:
        while self._asked:
            key, oldest = next(iter(self._asked.items()))
            if not self._is_over(oldest, now):
                break
            del self._asked[key]
