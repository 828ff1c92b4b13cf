"""Sending a run's customers to the API: each once, whatever happens on the way."""

from importer.sender.bodies import PayloadFile
from importer.sender.options import Api, Bodies, SendOptions
from importer.sender.send import send

__all__ = ["Api", "Bodies", "PayloadFile", "SendOptions", "send"]
