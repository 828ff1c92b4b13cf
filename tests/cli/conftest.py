"""A desk and a sandbox for each test."""

from tests.workflow.desk import box, desk

__all__ = ["box", "desk"]
