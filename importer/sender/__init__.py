"""Sending a run's customers to the API: each once, whatever happens on the way."""

from importer.sender.engine import Sender
from importer.sender.tasks import SendOptions

__all__ = ["SendOptions", "Sender"]
