"""``mappings``, ``explain``, and ``example``: explanations of mappings and problem codes, and files to start from."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from importer.catalogue import find, near
from importer.catalogue.catalogue_text import code_text, codes_text
from importer.errors import MappingError, UsageError
from importer.mapping.language.explain import explain, overview
from importer.mapping.language.mapping_errors import function_faults
from importer.mapping.language.mapping_files import list_mappings, load_mapping
from importer.wording import counted
from importer.workflow.word_files import with_words

# Name → what it is, and its files.
EXAMPLES = {
    "config": ("a job's config file", ("acme.toml",)),
    "cron": ("a crontab", ("crontab",)),
    "systemd": ("a service and its timer", ("importer.service", "importer.timer")),
    "container": ("a Dockerfile", ("Dockerfile",)),
    "github": ("a workflow for GitHub Actions", ("workflow.yml",)),
}


def mappings_text(name: str | None, width: int) -> str:
    """A mapping in plain words, or a line for each included mapping. Raises :class:`MappingError`."""
    return overview(width) if name is None else explain(load_mapping(name), width=width)


def check_mapping(name: str) -> dict[str, Any]:
    """Everything that is wrong with a mapping, as plain values: ``problems`` with ``file``, ``line``, and ``message``.

    Its value table and its Python functions are checked only if the mapping itself is right.
    """
    hint = ""
    try:
        loaded = load_mapping(name)
        faults = [(fault.where, fault.text) for fault in function_faults(loaded.mapping, loaded.path)]
        with_words(loaded, None)
    except MappingError as error:
        faults, hint = [*error.faults], error.hint
    except UsageError as error:
        faults, hint = [*faults, *(("", line) for line in error.message.splitlines())], error.hint
    problems = [_placed(where, text) for where, text in faults]
    return {"mapping": name, "ok": not problems, "problems": problems, "hint": hint}


def _placed(where: str, text: str) -> dict[str, Any]:
    """A problem with its place. If ``where`` is empty, the place is the one that ``text`` begins with, if any."""
    found = re.fullmatch(r"(.+?):(\d+)(?:: (.*))?", where or text, re.DOTALL)
    if found is None:
        return {"file": where or None, "line": None, "message": text}
    return {"file": found[1], "line": int(found[2]), "message": text if where else found[3] or ""}


def mapping_check_text(found: Mapping[str, Any]) -> str:
    """The result of :func:`check_mapping` for a person: a line for each problem."""
    lines = []
    for problem in found["problems"]:
        place = ":".join(str(problem[name]) for name in ("file", "line") if problem[name] is not None)
        lines.append(f"{place}: {problem['message']}" if place else problem["message"])
    count = len(lines)
    state = f"{counted(count, 'problem')}. {found['hint']}".strip() if count else "no problems"
    return "\n".join([*lines, f"{found['mapping']}: {state}"])


def problem_codes_text(name: str | None, width: int) -> str:
    """A problem code in plain words, or a line for each code. Raises :class:`UsageError` for an unknown code."""
    if name is None:
        return codes_text(width)
    code = find(name)
    if code is None:
        if name in list_mappings():
            raise UsageError(f"{name!r} is a mapping, not a problem code", f"Run: importer mappings {name}")
        meant = near(name)
        guess = f"Did you mean {meant}? " if meant else ""
        raise UsageError(
            f"no problem has the code {name!r}",
            f"{guess}`importer explain` lists all codes. Other codes in results.csv come from WizCommerce.",
        )
    return code_text(code, width)


def examples_text(name: str | None) -> str:
    """The files of an example, one after the other, or a line for each example. Raises :class:`UsageError`."""
    if name is None:
        return "\n".join(f"{name:<10} {what}" for name, (what, _) in EXAMPLES.items())
    if name not in EXAMPLES:
        raise UsageError(f"there is no example {name!r}", f"Valid names: {', '.join(EXAMPLES)}.")
    folder = files("importer") / "examples"
    return "\n".join((folder / file).read_text(encoding="utf-8") for file in EXAMPLES[name][1]).rstrip()
