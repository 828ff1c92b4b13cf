"""Each action its own way: what the engine and the reconciler ask, handed to the strategy of the customer's action."""

from collections.abc import Mapping, Sequence

from importer.errors import StopError
from importer.records import Action
from importer.sender.tasks import CustomerTask, Strategy, Transition

__all__ = ["Strategies"]


class Strategies:
    """A :class:`Strategy` made of several, by the action of a customer."""

    def __init__(self, known: Mapping[Action, Strategy]) -> None:
        self._known = known

    def __contains__(self, action: Action) -> bool:
        return action in self._known

    @property
    def problem(self) -> StopError | None:
        """See :class:`Strategy`."""
        return next((one.problem for one in self._known.values() if one.problem is not None), None)

    async def send(self, task: CustomerTask) -> Transition:
        """See :class:`Strategy`."""
        return await self._known[task.item.action].send(task)

    async def look_up(self, tasks: Sequence[CustomerTask]) -> list[Transition | None]:
        """See :class:`Strategy`."""
        found: dict[int, Transition | None] = {}
        for action, strategy in self._known.items():
            own = [task for task in tasks if task.item.action is action]
            if own:
                found |= zip((task.item.position for task in own), await strategy.look_up(own), strict=True)
        return [found[task.item.position] for task in tasks]

    def unsent(self, task: CustomerTask) -> Transition:
        """See :class:`Strategy`."""
        return self._known[task.item.action].unsent(task)
