"""The API that a run sends to (by name or URL, or a sandbox started for the command), its account, and its lists."""

import hashlib
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from importer.api import Client, Limiter, RetryPolicy
from importer.errors import ApiUnavailableError, KeyRefusedError, StopError, UsageError
from importer.ledger import Ledger
from importer.logs import event
from importer.private_files import make_folder
from importer.sandbox import SandboxConfig, SandboxStartError, spawned
from importer.settings import SANDBOX, Options, default_ledger, read_key
from importer.settings.api_access import is_loopback, resolve_target
from importer.tables import ENTITIES, Entity
from importer.validation.attributes import AttributeDefinition
from importer.workflow.directory import Directory, Needs, definitions, known_price_lists, known_reps

# The sandbox takes any key; it never gets a real one.
SANDBOX_KEY = "sandbox-takes-any-key"
SANDBOX_RATE = 1000.0  # it has no limit of its own: there is no pace to find
PRODUCTION = urlsplit(resolve_target("production")).hostname


@dataclass(frozen=True)
class ApiTarget:
    """An API at ``url``, the key for it, and the tenant under which the ledger keeps what it holds.

    ``rate``: requests per second that are known to be right, if any.
    """

    url: str
    key: str = field(repr=False)
    tenant: str
    rate: float | None = None

    @property
    def host(self) -> str:
        """The API's host, with its port if that is not the default."""
        return urlsplit(self.url).netloc

    @property
    def is_production(self) -> bool:
        """True when real customers are at stake."""
        return urlsplit(self.url).hostname == PRODUCTION


def resolve(options: Options, environment: Mapping[str, str]) -> ApiTarget | None:
    """The target, or None for a sandbox. Raises :class:`UsageError` for a wrong address or a missing key."""
    if options.api.strip().lower() == SANDBOX:
        return None
    url = resolve_target(options.api)
    key = read_key(environment, options.api_key_file)
    # Enough of the digest to distinguish accounts, not to find the key.
    digest = hashlib.sha256(f"importer tenant\n{url}\n{key}".encode()).hexdigest()
    return ApiTarget(url, key, options.tenant or f"{urlsplit(url).netloc}-{digest[:8]}")


def account_of(options: Options, environment: Mapping[str, str]) -> str:
    """The account whose limits a run counts toward: a digest of API and key, or for a sandbox, where its data is.

    Raises :class:`UsageError` for a wrong address or a missing key.
    """
    target = resolve(replace(options, tenant=None), environment)
    if target is not None:
        return target.tenant
    return SANDBOX if "://" in options.ledger else f"{SANDBOX} {Path(options.ledger).absolute()}"  # its data are there


def limiter_for(target: ApiTarget, options: Options, announce: Callable[[str], None]) -> Limiter:
    """The one limiter of a command; ``announce`` gets a sentence about each wait that the API asks for."""
    return Limiter(
        ceiling=options.rate or target.rate,
        max_concurrency=options.concurrency,
        max_wait=options.max_wait,
        announce=announce,
    )


def client_for(target: ApiTarget, options: Options, limiter: Limiter) -> Client:
    return Client(
        target.url,
        target.key,
        limiter=limiter,
        timeout=options.timeout,
        connections=options.concurrency,
        retry=RetryPolicy(),
        rng=random.Random(),  # noqa: S311 - spreads retries, keeps no secret
    )


def check_account(ledger: Ledger, target: ApiTarget, options: Options, *, remember: bool = True) -> None:
    """Raise :class:`UsageError` if the ledger knows the tenant with another key, or at another API.

    What was sent to one account says nothing about a different account. ``remember``: see :meth:`Ledger.check_key`.
    """
    last = ledger.last_planned(target.tenant)
    before, now = _host(options.api if last is None else last.options.get("api", options.api)), _host(options.api)
    if before != now:
        raise UsageError(
            f"account {target.tenant} was used with {before} before, not with {now}",
            "Use a different --tenant for this API: each account needs its own record of what was sent.",
        )
    ledger.check_key(target.tenant, target.key, accept=options.accept_key, remember=remember)


def _host(api: str) -> str:
    """Where an API is; a local test API may have another port each time."""
    if api.strip().lower() == SANDBOX:
        return SANDBOX
    host = urlsplit(resolve_target(api)).hostname or ""
    return "localhost" if is_loopback(host) else host


@contextmanager
def open_target(options: Options, environment: Mapping[str, str], ledger: Path | None) -> Iterator[ApiTarget]:
    """The target, ready for requests. A sandbox is started, keeps its data beside the ledger, and ends with the block.

    ``ledger`` is the ledger's file. If it is None, the sandbox keeps its data beside the default ledger's place.

    Raises :class:`UsageError` and, when the sandbox cannot be started, :class:`StopError`.
    """
    target = resolve(options, environment)
    if target is not None:
        yield target
        return
    tenant = options.tenant or SANDBOX
    beside = ledger or Path(default_ledger(environment))
    data = beside.with_name(f"{beside.stem}-{SANDBOX}.db")
    with suppress(OSError):  # the sandbox says what is wrong with it
        make_folder(data.parent)
    try:
        with spawned(SandboxConfig(data=data)) as url:
            yield ApiTarget(url, SANDBOX_KEY, tenant, SANDBOX_RATE)
    except SandboxStartError as error:
        raise StopError(f"the sandbox could not be started: {error}", f"Its data is kept in {data}.") from error


async def fetch_directory(client: Client, needs: Needs) -> Directory:
    """The lists in which names are looked up. Each list is requested once, and only if it is needed.

    Raises :class:`ApiUnavailableError`, :class:`KeyRefusedError`.
    """
    known = {}
    if "sales_rep" in needs.lookups:
        known["sales_rep"] = known_reps(await client.sales_reps())
    if "price_list" in needs.lookups:
        known["price_list"] = known_price_lists(await client.price_lists())
    attributes = {
        entity: definitions(await client.attributes(entity)) for entity in ENTITIES if entity in needs.attributes
    }
    return Directory(known, attributes | await _other_attributes(client, needs))


async def _other_attributes(client: Client, needs: Needs) -> dict[Entity, dict[str, AttributeDefinition]]:
    """The attribute definitions of entities whose attributes the mapping does not set: some may be mandatory.

    A key that may not read them can still create customers, so a failure to read them is only logged.
    """
    found: dict[Entity, dict[str, AttributeDefinition]] = {}
    for entity in (entity for entity in ENTITIES if entity in needs.entities - needs.attributes):
        try:
            found[entity] = definitions(await client.attributes(entity))
        except (ApiUnavailableError, KeyRefusedError) as error:
            event(logging.WARNING, "mandatory attributes not checked", entity=entity, reason=error.message)
            break
    return found
