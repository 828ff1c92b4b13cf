"""WizCommerce as the planner sees it: a customer's data, and the changes that updates make to it."""

import copy
import itertools
from typing import Any

import orjson

from importer.planner import CustomerUpdate
from importer.planner.compare import replacement

KINDS = {"addresses": "address", "contacts": "contact"}
Data = dict[str, Any]


class Shop:
    """One customer. ``data``: as a GET returns it."""

    def __init__(self, body: Data) -> None:
        self._ids = itertools.count(1)
        self.data: Data = {"id": "customer", "status": "active", "name": body["company_name"], "attributes": []}
        self.data |= {
            name: value for name, value in copy.deepcopy(body).items() if name not in (*KINDS, "company_name")
        }
        for kind in KINDS:
            self.data[kind] = [self._new(child) for child in body.get(kind, ())]
        self.puts = 0
        self.posts = 0

    @property
    def children(self) -> str:
        """The children's IDs as the ledger's JSON."""
        return orjson.dumps(
            [
                {"entity": entity, "reference_id": child.get("reference_id"), "id": child["id"]}
                for kind, entity in KINDS.items()
                for child in self.data[kind]
            ]
        ).decode()

    def add_by_hand(self, kind: str, child: Data) -> None:
        self.data[kind].append(self._new(child))

    def carry_out(self, update: CustomerUpdate) -> None:
        """Carry out an update: PATCH fields, PUT complete children, POST new ones."""
        for name, value in update.fields.items():
            self.data["name" if name == "company_name" else name] = value
        for change in update.children:
            there = self.data[change.kind]
            if change.id is None:
                there.append(self._new(change.values))
                self.posts += 1
                continue
            (place,) = [number for number, child in enumerate(there) if child["id"] == change.id]
            body = replacement(change.kind, there[place], change.values)
            there[place] = {"id": change.id, "status": "active", "attributes": [], **body}
            self.puts += 1

    def _new(self, child: Data) -> Data:
        return {"id": f"{next(self._ids):04}", "status": "active", "attributes": [], **copy.deepcopy(child)}
