"""Each action its own way: what the engine and the reconciler ask, handed on to the one whose customer it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from importer.api import Answer, CustomerRef
from importer.errors import StopError
from importer.records import Action
from importer.sender.work import Verdict, Work

__all__ = ["Strategies", "Strategy"]

There = dict[str, list[CustomerRef]]


class Strategy(Protocol):
    """What is particular to an action: see :class:`importer.sender.creating.Creating`."""

    @property
    def alarm(self) -> StopError | None:
        """Why nothing more may be sent, if so."""

    async def send(self, work: Work) -> Answer: ...

    def judge(self, work: Work, answer: Answer, *, clock: float, now: datetime) -> Verdict: ...

    async def look(self, works: Sequence[Work]) -> There: ...

    def found(self, work: Work, there: Sequence[CustomerRef], clock: float) -> Verdict: ...

    def absent(self, work: Work, clock: float, *, again: bool) -> Verdict: ...

    def unsent(self, work: Work, clock: float) -> Verdict: ...


class Strategies:
    """A strategy made of several, by the action of a customer."""

    def __init__(self, known: Mapping[Action, Strategy]) -> None:
        self._known = known

    def __contains__(self, action: Action) -> bool:
        return action in self._known

    @property
    def alarm(self) -> StopError | None:
        """See :class:`Strategy`."""
        return next((strategy.alarm for strategy in self._known.values() if strategy.alarm is not None), None)

    async def send(self, work: Work) -> Answer:
        """See :class:`Strategy`."""
        return await self._of(work).send(work)

    def judge(self, work: Work, answer: Answer, *, clock: float, now: datetime) -> Verdict:
        """See :class:`Strategy`."""
        return self._of(work).judge(work, answer, clock=clock, now=now)

    async def look(self, works: Sequence[Work]) -> There:
        """See :class:`Strategy`."""
        found: There = {}
        for action, strategy in self._known.items():
            own = [work for work in works if work.item.action is action]
            if own:
                found |= await strategy.look(own)
        return found

    def found(self, work: Work, there: Sequence[CustomerRef], clock: float) -> Verdict:
        """See :class:`Strategy`."""
        return self._of(work).found(work, there, clock)

    def absent(self, work: Work, clock: float, *, again: bool) -> Verdict:
        """See :class:`Strategy`."""
        return self._of(work).absent(work, clock, again=again)

    def unsent(self, work: Work, clock: float) -> Verdict:
        """See :class:`Strategy`."""
        return self._of(work).unsent(work, clock)

    def _of(self, work: Work) -> Strategy:
        return self._known[work.item.action]
