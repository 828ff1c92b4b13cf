"""Joins the stages: the only room that knows them all. Its functions are the commands."""

from importer.pipeline.check import check
from importer.report import summary_text

__all__ = ["check", "summary_text"]
