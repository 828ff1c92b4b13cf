"""A desk for each test."""

from tests.pipeline.desk import desk

__all__ = ["desk"]
