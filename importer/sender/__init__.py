"""Sending a run's customers to the API: each once, whatever happens on the way."""

from importer.sender.customer_task import SendOptions
from importer.sender.engine import Sender

__all__ = ["SendOptions", "Sender"]
