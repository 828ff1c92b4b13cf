"""A desk for each test."""

from tests.workflow.desk import desk

__all__ = ["desk"]
