"""What each rule did to the rows of a file, for a terminal: cells, steps, and values side by side."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from importer.report.terminal import BROAD, NARROWEST, SEVERITIES, Look, columns_of, cut, in_columns, joined, wrapped
from importer.wording import counted

_LONG = 15  # columns of a field's name; also, texts up to this length are repeated instead of shown as "as above"
_MOST_SHOWN = 3  # addresses, and contacts, per customer if there are several customers
_WORDS = {  # steps whose names do not come from the mapping language
    "blanks": "placeholder text",
    "key": "as it is compared",
    "when": "`when` is not met",
    "made id": "generated ID",
    "each type": "one for each type",
    "chosen default": "no row says which one",
    "company_name": "as company_name",
    "left out": "wrong: left out",
    "merged": "together with its other rows",
    "checked": "as the attribute is defined",
}
_CATEGORIES = {
    "unused": "no rule mentions the column",
    "ignored": "under `ignore`",
    "rule": "decides which rows or records are used",
    "unclaimed": "used by a rule, but not here",
}

Line = Mapping[str, Any]


def preview_text(preview: Line, *, width: int, color: bool, unicode: bool = True) -> str:
    """The result of ``commands.preview.preview`` for a person, at most ``width`` columns wide; bodies are never cut.

    If there are fewer than 72 columns, cells, steps, and values are below each other.
    """
    look = Look(max(width, NARROWEST), color, unicode)
    blocks = []
    if preview["fields"] is not None:
        blocks += [[look.styled("How many records have each field", "bold")]]
        blocks += [_filled(entity, own, look) for entity, own in preview["fields"].items()]
        blocks += [_unused(preview["unused"], look)]
    if preview["row"] is not None:
        blocks.append(_row(preview["row"], look))
    for customer in preview["customers"]:
        blocks += _customer(customer, look, whole=preview["fields"] is None)
    return joined(blocks)


def _filled(entity: str, own: Line, look: Look) -> list[str]:
    fields = [one for one in own["fields"] if one["filled"] or one["columns"]]
    names = max((len(one["field"]) for one in fields), default=0)
    count = own["records"]
    digits = len(f"{count:,}")
    lines = [counted(count, entity)]
    for one in fields:
        share = f"{one['filled'] / count:.0%}" if count else ""
        start = f"  {one['field']:<{names}}  {one['filled']:>{digits},}  {share:>4}  "
        columns = ", ".join(one["columns"]) or "(no column: constant or generated)"
        if len(start) + 16 > look.width:
            lines += [cut(start.rstrip(), look.width, mark=look.mark)]
            start = " " * 4
        lines += _broken(columns, look.width, first=start, rest=" " * len(start))
    blank = [one["field"] for one in own["fields"] if one not in fields]
    return lines + (wrapped(", ".join(blank), look.width, first="  No values: ", rest="    ") if blank else [])


def _unused(unused: Sequence[Line], look: Look) -> list[str]:
    if not unused:
        return ["The mapping mentions every column that is read."]
    lines = [look.styled("Columns that the mapping does not mention", "bold")]
    for source in dict.fromkeys(one["source"] for one in unused):
        own = [f"{one['column']} ({one['filled']:,} filled)" for one in unused if one["source"] == source]
        lines += _broken(f"{source}: {', '.join(own)}", look.width, first="  ", rest="    ")
    return lines


def _row(row: Line, look: Look) -> list[str]:
    place = f"{row['source']}:{row['row']}"
    if row["state"] in {"no_data", "skipped"}:
        what = "not a data row" if row["state"] == "no_data" else "skipped"
        return wrapped(f"{place} is {what}: {row['reason']}", look.width, rest="  ")
    if row["state"] == "rejected":
        lines = wrapped(f"{place} is rejected and belongs to no customer", look.width, rest="  ")
        return lines + [line for one in row["problems"] for line in _problem(one, look, "  ")]
    return [f"{place} is a row of this customer; addresses and contacts from other rows are not shown"]


def _customer(customer: Line, look: Look, *, whole: bool) -> list[list[str]]:
    tone = "red" if customer["status"] == "rejected" else "green"
    name = f"Customer {customer['reference_id']}: {customer['company_name'] or 'without a name'}"
    head = look.heading(f"{name} ({customer['status']})", tone)
    if why := customer["why"]:
        head += wrapped(f"Shown {why}", look.width, first="  ", rest="  ")
    blocks, hidden = [head], 0
    for record in customer["records"]:
        if whole or (record["number"] or 0) <= _MOST_SHOWN:
            blocks.append(_record(record, look))
        else:
            hidden += 1
    if hidden:
        blocks.append(
            [f"{hidden:,} more addresses and contacts, and the body:", f"  --customer {customer['reference_id']}"]
        )
    blocks.append([line for one in customer["problems"] for line in _problem(one, look, "  ")])
    blocks.append(_other_cells(customer["other_cells"], look) if whole else [])
    if customer["body"] is None:
        blocks.append(["No body: the customer is rejected."])
    elif not hidden:
        body = json.dumps(customer["body"], ensure_ascii=False, indent=2).splitlines()
        blocks.append([look.styled("JSON body", "bold"), *body])
    return blocks


def _record(record: Line, look: Look) -> list[str]:
    number = "" if record["number"] is None else f" {record['number']}"
    gone = ", left out because of an error" if record["left_out"] else ""
    lines = look.heading(f"{record['entity'].capitalize()}{number}{gone}, from {_span(record['rows'])}", rest="  ")
    fields = [
        one for one in record["fields"] if one["cells"] or one["steps"] or one["problems"] or one["value"] is not None
    ]
    lines += (_grid if look.width >= BROAD else _stacked)(fields, look, record["rows"][:1])
    blank = ", ".join(one["field"] for one in record["fields"] if one not in fields)
    lines += wrapped(blank, look.width, first="  Blank: ", rest="    ") if blank else []
    return lines + [line for one in record["problems"] for line in _problem(one, look, "  ")]


def _grid(fields: Sequence[Line], look: Look, rows: Sequence[Line]) -> Iterator[str]:
    """The fields in four columns: name, cells, steps, value."""
    most = max(_LONG, look.width // 5)
    first = min(max((columns_of(_field_name(one)) for one in fields), default=0), most)
    room = (look.width - first - 2 - 6) // 3
    widths = (first, room, room, look.width - first - 2 * room - 8)
    heads = ("Field", "In the file", "Steps", "Value")
    yield look.styled(_line(heads, widths), "dim")
    seen: set[str] = set()
    for one in fields:
        cells, steps, value = _parts(one, look, rows, seen)
        columns = ([_field_name(one)], cells, steps, [value])
        broken = [
            [line for text in own for line in _broken(text, space, rest="  " * (place in (1, 2)))]
            for place, (own, space) in enumerate(zip(columns, widths, strict=True))
        ]
        yield from (_line(line, widths) for line in zip_longest(*broken, fillvalue=""))
        yield from (line for problem in one["problems"] for line in _problem(problem, look, "    "))


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return f"  {in_columns(texts, widths)}".rstrip()


def _stacked(fields: Sequence[Line], look: Look, rows: Sequence[Line]) -> Iterator[str]:
    seen: set[str] = set()
    for one in fields:
        cells, steps, value = _parts(one, look, rows, seen)
        yield from _broken(f"{_field_name(one)}: {value or 'no value'}", look.width, first="  ", rest="    ")
        for text in (*cells, *steps):
            yield from _broken(text, look.width, first="    ", rest="      ")
        yield from (line for problem in one["problems"] for line in _problem(problem, look, "    "))


def _field_name(field: Line) -> str:
    return str(field["field"]).removeprefix("attributes.")


def _parts(field: Line, look: Look, rows: Sequence[Line], seen: set[str]) -> tuple[list[str], list[str], str]:
    """The cells, the steps, and the value of a field, as texts.

    ``rows``: rows that cells need not name. ``seen``: the cells that earlier fields have shown; this field's are added.
    """
    cells = []
    for cell in field["cells"]:
        known = any((row["source"], row["row"]) == (cell["source"], cell["row"]) for row in rows)
        name = cell["column"] if known else f"{cell['column']} ({cell['source']}:{cell['row']})"
        text = _quoted(cell["text"])
        cells.append(f"{name}: {'as above' if f'{name}: {text}' in seen and len(text) > _LONG else text}")
        seen.add(f"{name}: {text}")
    value = "" if field["value"] is None else _quoted(field["value"])
    return cells, [*_steps(field, "→" if look.unicode else "->")], value


def _steps(field: Line, arrow: str) -> Iterator[str]:
    """Each step with its input, unless that is shown above it, and its result, unless that is shown as the value."""
    texts = [cell["text"].strip() for cell in field["cells"]]
    last = texts[0] if texts else None
    for number, step in enumerate(field["steps"], start=1):
        word, before = _WORDS.get(step["step"], step["step"]), step["before"]
        earlier = [] if before is None or isinstance(before, list) or before in {*texts, last} else [_quoted(before)]
        final = number == len(field["steps"]) and step["after"] is not None
        given = [] if final and not isinstance(step["after"], dict) and field["value"] is not None else [_after(step)]
        shown = f" {arrow} ".join([*earlier, *given])
        yield f"{word}: {shown}" if shown else word
        last = step["after"] if isinstance(step["after"], str) else None


def _after(step: Line) -> str:
    if isinstance(step["after"], dict):
        return "done before the customer is sent"
    return "no result" if step["after"] is None else _quoted(step["after"])


def _quoted(value: Any) -> str:
    """A text as a JSON string, which makes blanks and line breaks visible."""
    if isinstance(value, list):
        return ", ".join(map(_quoted, value))
    return json.dumps(value, ensure_ascii=False)


def _problem(problem: Line, look: Look, indent: str) -> list[str]:
    column = f" [{problem['column']}]" if problem["column"] else ""
    place = f" at {problem['source']}:{problem['row']}{column}" if problem["row"] is not None else ""
    start = f"{problem['severity']} {problem['code']}{place}: "
    text = f"{problem['message']}. {problem['hint'] or ''}"
    first, *more = _broken(" ".join(f"{start}{text}".split()), look.width, first=indent, rest=f"{indent}  ")
    styled = look.styled(problem["severity"], SEVERITIES[problem["severity"]])
    return [f"{indent}{styled}{first[len(indent) + len(problem['severity']) :]}", *more]


def _other_cells(cells: Sequence[Line], look: Look) -> list[str]:
    """The filled cells that no field shows."""
    lines = [look.styled("Other filled cells of its rows", "bold")] if cells else []
    alike: dict[tuple[str, str, str], list[Line]] = {}
    for cell in cells:
        alike.setdefault((cell["column"], _quoted(cell["text"]), cell["category"]), []).append(cell)
    for (column, text, category), own in alike.items():
        line = f"{column}: {text} ({_CATEGORIES.get(category, category)}), {_span(own)}"
        lines += _broken(line, look.width, first="  ", rest="    ")
    return lines


def _span(places: Sequence[Line]) -> str:
    """Rows as ``file!sheet:2-7,9``."""
    found: dict[str, list[list[int]]] = {}
    for place in places:
        spans = found.setdefault(place["source"], [])
        if spans and spans[-1][1] + 1 == place["row"]:
            spans[-1][1] = place["row"]
        else:
            spans.append([place["row"], place["row"]])
    texts = {
        source: ",".join(f"{first}-{last}" if first != last else f"{first}" for first, last in spans)
        for source, spans in found.items()
    }
    return "; ".join(f"{source}:{text}" for source, text in texts.items())


def _broken(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """The text in lines of at most ``width`` columns. Blanks within a line are kept, and a longer word is broken."""
    lines = [first]
    bare = True
    for word in re.findall(r"\S+\s*|\s+", text):
        if not bare and columns_of(lines[-1] + word.rstrip()) > width:
            lines.append(rest)
        for letter in word:
            if not bare and not letter.isspace() and columns_of(lines[-1] + letter) > width:
                lines.append(rest)
            lines[-1] += letter
            bare = False
    return [line.rstrip() for line in lines]
