"""A Dask cluster as the crew: one of this machine, or one that runs already and sees the same folders."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from importer.errors import InternalError, UsageError
from importer.partitions.executors import Crew, Result, processors
from importer.partitions.helper import Alone

__all__ = ["dask_crew"]

LOCAL = "dask"
_ATTEMPTS = 3  # of a part whose worker died, besides those that the scheduler's own settings allow
_PATIENCE = 10  # seconds until a scheduler must have answered


class _Dask(Alone):
    """Gives the parts to the workers of a cluster; those of a worker that dies are given to another one."""

    def __init__(self, client: Any, close: Callable[[], None]) -> None:
        self._client = client
        self.close = close
        self.hands = max(1, sum(client.ncores().values()))

    def map(self, work: Callable[..., Result], tasks: Sequence[tuple[object, ...]]) -> list[Result]:
        from distributed import KilledWorker  # noqa: PLC0415 - an extra

        # Not pure: a part that is done again must write its files again.
        futures = [self._client.submit(work, *task, pure=False, retries=_ATTEMPTS) for task in tasks]
        try:
            done: list[Result] = self._client.gather(futures)
        except KilledWorker as error:
            raise InternalError(
                "workers of the Dask cluster died again and again over the same part of the sources",
                "Probably they have too little memory: give less with --memory.",
            ) from error
        return done


@contextmanager
def dask_crew(engine: str, folder: Path) -> Iterator[Crew]:
    """The workers of ``dask``, a cluster in ``folder``, or of ``dask://host:port``, until closed.

    Raises :class:`UsageError` when Dask is not installed, or the cluster does not answer.
    """
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        hint = "pip install 'wizcommerce-importer[dask]'"
        raise UsageError(f"--engine {engine}: Dask is not installed", hint) from error
    with ExitStack() as stack:
        if engine == LOCAL:
            address: Any = stack.enter_context(
                LocalCluster(  # type: ignore[no-untyped-call]  # as shipped
                    n_workers=processors(),
                    threads_per_worker=1,
                    dashboard_address=None,
                    local_directory=str(folder),
                    silence_logs=logging.CRITICAL,
                )
            )
        else:
            address = f"tcp://{engine.removeprefix('dask://')}"
        try:
            client = Client(address, timeout=_PATIENCE)  # type: ignore[no-untyped-call]
        except OSError as error:
            raise UsageError(
                f"--engine {engine}: no scheduler answers there", "Start one with: dask scheduler"
            ) from error
        stack.callback(client.close)  # not its __exit__: that must be left where it was entered, in a run it is not
        yield _Dask(client, stack.close)
