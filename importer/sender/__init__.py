"""Sending a run's customers to the API: each once, whatever happens on the way."""

from importer.sender.options import Api, SendOptions
from importer.sender.payloads import Bodies, PayloadFile
from importer.sender.send import send

__all__ = ["Api", "Bodies", "PayloadFile", "SendOptions", "send"]
