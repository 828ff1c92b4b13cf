"""Checks summaries against the published schemas of ``summary.json`` and of what undo and verify print."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

import importer.report

__all__ = ["hold_against_schema", "schema", "validator"]


@cache
def validator(name: str = "summary") -> Draft202012Validator:
    described = json.loads(schema(name))
    Draft202012Validator.check_schema(described)
    return Draft202012Validator(described)


def schema(name: str = "summary") -> str:
    from importlib.resources import files

    return (files(importer.report) / f"{name}.schema.json").read_text(encoding="utf-8")


def hold_against_schema(summary: Any, name: str = "summary") -> None:
    faults = [f"{fault.json_path}: {fault.message}" for fault in validator(name).iter_errors(summary)]
    assert not faults, faults
