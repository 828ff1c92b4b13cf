"""A mapping in plain English, for a person who decides whether it fits an export and has never seen YAML."""

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files

from importer.catalogue import CODES
from importer.mapping.fields import IMPLIED
from importer.mapping.language.explain_layout import ARROW, section, table, wrap
from importer.mapping.language.mapping_files import LoadedMapping, list_mappings, load_mapping
from importer.mapping.language.mapping_model import AddressEntry, ChildEntry, CustomerEntry, Mapping
from importer.mapping.language.mapping_rules import NUMBER, Condition, FieldRule, Otherwise, ParentRule, alternatives
from importer.mapping.transforms.registry import TRANSFORMS, TransformStep, shown_format
from importer.records import Severity
from importer.tables import ATTRIBUTE_PREFIX
from importer.wording import listed

_MOST_NAMES = 4  # of a column besides its first one; if there are more, they are listed at the end
_MOST_VALUES = 8  # of a value table; of a longer one only the length is shown
_ORDINALS = {1: "first", 2: "second", 3: "third"}
_WHAT = f"Each WizCommerce field {ARROW}its source columns, and how their text is changed."
_SEPARATORS = {" ": "a space", "\n": "a line break", "": "nothing between"}
_LOOKUPS = {"sales_rep": "sales reps", "price_list": "price lists"}
_OTHERWISE = {"keep": "stays", "error": "is an error", "blank": "is left out"}
_WEIGHTS = {Severity.ERROR: "an error", Severity.WARNING: "only a warning", Severity.INFO: "only noted"}
_STEPS: dict[str, str] = tomllib.loads(files(__package__).joinpath("explain.toml").read_text(encoding="utf-8"))


def overview(width: int) -> str:
    """All included mappings, a name and a title each, in lines of at most ``width`` characters."""
    rows = [(name, load_mapping(name).mapping.title) for name in list_mappings()]
    ends = "'importer mappings NAME' explains one of them. Specify your own mapping by its path."
    return "\n".join([*table(rows, width), "", *wrap(ends, "", width)]) + "\n"


def explain(loaded: LoadedMapping, *, width: int) -> str:
    """What a mapping does, in lines of at most ``width`` characters (40 or more)."""
    mapping = loaded.mapping
    several = len(mapping.tables) > 1
    skips = [
        f"{skip.reason}: {_condition(skip)}{f' (table {name})' if several else ''}."
        for name, rule in mapping.tables.items()
        for skip in rule.skip
    ]
    blocks = [
        [*wrap(mapping.title, "", width), "=" * min(len(mapping.title), width)],
        wrap(mapping.description, "", width),
        section("What it extends", _bases(loaded), width),
        section("How to export", [mapping.export] if mapping.export else [], width),
        section("Files", _files(mapping), width),
        section("Which customer a row belongs to", _keys(mapping), width),
        section("Rows that are left out", skips, width),
        section("What is sent", [_WHAT], width),
        ["The customer", "-" * len("The customer"), *_fields(mapping.customer, width)],
        *(_child(mapping, entry, width) for entry in mapping.children()),
        section("Required columns", _required(mapping), width),
        section("When a value is wrong", _policies(mapping), width),
        section("Columns with many names", _names(mapping), width),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _bases(loaded: LoadedMapping) -> list[str]:
    if not loaded.bases:
        return []
    shipped = set(list_mappings().values())
    names = [base.stem if base in shipped else str(base) for base in loaded.bases]
    further = f", which extends {' and then '.join(names[1:])}" if names[1:] else ""
    return [f"{loaded.path.name} contains only what differs from {names[0]}{further}. This text shows the result."]


def _column(reference: str) -> str:
    """``A|B`` → ``"A" (or "B")``; of a column with many names only the first, because ``_names`` lists them."""
    first, *others = (f'"{name}"' for name in alternatives(reference))
    if len(others) >= _MOST_NAMES:
        return f"{first} (or one of its other names)"
    return first if not others else f"{first} (or {', '.join(others)})"


def _names(mapping: Mapping) -> list[str]:
    """The columns that have many names, with all of them."""
    lines = []
    for reference in dict.fromkeys(_references(mapping)):
        first, *others = (f'"{name}"' for name in alternatives(reference))
        if len(others) >= _MOST_NAMES:
            lines.append(f"{first}: {', '.join(others)}.")
    return lines


def _references(mapping: Mapping) -> Iterator[str]:
    """Yield every column reference as the mapping writes it, in the order of the explanation."""
    for rule in mapping.tables.values():
        yield from rule.has
        yield from (column for part in rule.key for column in part.columns())
        yield from (column for column, _ in rule.parent.references()) if rule.parent else ()
    for rule in mapping.tables.values():
        yield from (column for skip in rule.skip for column, _ in skip.references())
    yield from (column for rule in mapping.customer.fields().values() for column in rule.columns())
    for entry in mapping.children():
        yield from (column for column, _ in entry.when.references()) if entry.when else ()
        yield from (other.column for _, other in entry.across_tables())
        yield from entry.cells
        yield from [entry.label] if isinstance(entry, AddressEntry) and entry.label else []
        yield from (column for rule in entry.fields().values() for column in rule.columns())


def _columns(references: Iterable[str], word: str = "and") -> str:
    return listed([_column(reference) for reference in references], word)


def _files(mapping: Mapping) -> list[str]:
    several = len(mapping.tables) > 1
    lines = ["Several files, or several sheets of a workbook, passed together."] if several else []
    for name, rule in mapping.tables.items() if several else ():
        seen = [f"has the column{'s' * (len(rule.has) > 1)} {_columns(rule.has)}"] if rule.has else []
        seen += [f"is named like {listed(rule.names, 'or')}"] if rule.names else []
        lines.append(f"The table {name}" + (f" {', and if that does not decide, '.join(seen)}." if seen else "."))
    for name, rule in mapping.tables.items():
        if rule.columns:
            of = f" of the table {name}" if several else ""
            lines.append(f"The rows{of} have no header; their columns are {_columns(rule.columns)}, in this order.")
    if mapping.two_headers:
        lines.append("There may be a second header row above or below the first.")
    return lines


def _keys(mapping: Mapping) -> list[str]:
    lines = []
    for name, rule in mapping.tables.items():
        parts = [_part(rule_) for rule_ in rule.key]
        where = f"In the table {name}, the" if len(mapping.tables) > 1 else "The"
        lines.append(f"{where} text in {listed(parts, 'and')}.")
    main = mapping.tables[mapping.main_table]
    joined = ", its parts joined with '-'," if len(main.key) > 1 else ""
    ids = f" The text{joined} becomes its reference_id." if mapping.customer.reference_id is None else ""
    lines.append(
        f"Rows with the same text belong to the same customer.{ids} A row without this text {_without(mapping)}."
    )
    return [*lines, *_parents(main.parent)] if main.parent is not None else lines


def _parents(parent: ParentRule) -> list[str]:
    named = _changed(_columns(parent.from_, "or else"), parent.field.model_copy(update={"take": None}))
    match = listed([_part(rule) for rule in parent.match], "or")
    absent = [] if not parent.optional else ["The column is optional. If it is missing, every row is a customer."]
    children = f"A row that names another one in {named} belongs to that one's customer instead"
    found = f"The other row is the one with that text in {match}, anywhere in the file"
    of_company = "Text of the form 'Company, Person' refers to a person at a company"
    return [
        f"{children}: it adds only addresses and contacts. The customers are the rows that name none.",
        f"{found}. {of_company}. If several rows match, that is an error.",
        *absent,
    ]


def _without(mapping: Mapping) -> str:
    """What happens to rows whose key is blank."""
    above = [name for name, rule in mapping.tables.items() if rule.blank_key == "above"]
    if not above:
        return "is rejected"
    if len(above) == len(mapping.tables):
        return "is another row of the customer above it"
    tables = f"the table{'s' * (len(above) > 1)} {listed(above, 'and')}"
    return f"in {tables} is another row of the customer above it; elsewhere it is rejected"


def _part(rule: FieldRule) -> str:
    return _changed(_columns(rule.columns(), "and" if rule.take is None else "or else"), rule)


def _changed(text: str, rule: FieldRule) -> str:
    changes = _changes(rule, "")
    return f"{text} ({changes})" if changes else text


def _condition(condition: Condition) -> str:
    if condition.any_ is not None:
        return " or ".join(f"({_condition(inner)})" for inner in condition.any_)
    if condition.all_ is not None:
        return " and ".join(f"({_condition(inner)})" for inner in condition.all_)
    if condition.only is not None:
        return f"nothing except {_columns(condition.only)} is filled in"
    return f"{_column(condition.column or '')} {_test(condition)}"


def _test(condition: Condition) -> str:
    if condition.is_ is not None:
        return f"is {_quoted(condition.is_, 'or')}"
    if condition.is_not is not None:
        return f"is not blank and is not {_quoted(condition.is_not, 'or')}"
    if condition.other is not None:
        where = f" in the table {condition.other.table}" if condition.other.table else ""
        how = "is the same as" if condition.same_as is not None else "is not blank and differs from"
        return f"{how} {_column(condition.other.column)}{where}"
    if condition.flag is not None:
        return "says yes" if condition.flag else "says no"
    if condition.blank is not None:
        return "is blank" if condition.blank else "is not blank"
    return f"matches the pattern '{condition.matches}'"


def _quoted(texts: Iterable[str], word: str) -> str:
    return listed([f"'{text}'" for text in texts], word)


def _child(mapping: Mapping, entry: ChildEntry, width: int) -> list[str]:
    lines = []
    if len(mapping.tables) > 1:
        lines.append(f"From the rows of the table {entry.table or mapping.main_table}.")
    if entry.repeat is not None:
        lines.append(f"Once for each number {NUMBER} from {entry.repeat[0]} to {entry.repeat[-1]}.")
    if entry.cells:
        parts = "its parts: the street first, then the city, state, and postal code, and the country last"
        names = "A line that repeats the customer's name is left out"
        lines += [
            f"The whole address is in {_columns(entry.cells)}. It is split into {parts}.",
            f"{names}; one that begins with 'Attn' becomes the person. Fields listed below override these parts.",
            "The report shows every address before and after, with a warning where the parts may be wrong.",
        ]
    if entry.when is not None:
        lines.append(f"Only where {_condition(entry.when)}.")
    if isinstance(entry, AddressEntry) and entry.label is not None:
        lines.append(f"Its name in {_column(entry.label)} is only reported: WizCommerce has no field for it.")
    name = _child_name(entry)
    wrapped = [line for text in lines for line in wrap(text, "", width)]
    return [name, "-" * len(name), *wrapped, *_fields(entry, width)]


def _child_name(entry: ChildEntry) -> str:
    kind = "Address" if isinstance(entry, AddressEntry) else "Contact"
    if isinstance(entry, AddressEntry) and entry.type.constant is not None:
        kind = f"{' and '.join(entry.type.constant).capitalize()} address"
    if entry.repeat is None:
        return kind
    plural = f"{kind}es" if kind.endswith("ess") else f"{kind}s"
    return f"{plural} {entry.repeat[0]} to {entry.repeat[-1]}"


def _fields(section: CustomerEntry | ChildEntry, width: int) -> list[str]:
    rows = [(_field_name(name), _source(rule), _changes(rule, name)) for name, rule in section.fields().items()]
    return table(rows, width)


def _field_name(name: str) -> str:
    custom = name.removeprefix(ATTRIBUTE_PREFIX)
    return name if custom == name else f"attribute '{custom}'"


def _source(rule: FieldRule) -> str:
    if rule.constant is not None:
        source = f"{'always ' if rule.when is None else ''}{_quoted(rule.constant, 'and')}"
        return source if rule.else_ is None else f"{source}{_instead(rule.else_)}"
    if rule.flags is not None:
        flags = [f"'{value}' where {_column(name)} says yes" for value, name in rule.flags.items()]
        return ARROW + listed(flags, "and")
    word = "and" if rule.join is not None or rule.take == "all" else "or else"
    source = ARROW + _columns(rule.own_columns(), word)
    return source if rule.else_ is None else f"{source}{_instead(rule.else_)}"


def _instead(rule: FieldRule) -> str:
    return f"; if that has no result, {_changed(_source(rule).removeprefix(ARROW), rule)}"


def _changes(rule: FieldRule, name: str) -> str:
    """Everything that happens to a field's cells, in the order in which it happens."""
    steps = []
    if rule.split:
        steps.append(f"each cell is split at {_quoted(rule.split, 'or')}")
    implied = [TransformStep(IMPLIED[name])] if name in IMPLIED and rule.columns() and rule.flags is None else []
    steps += [_step(step) for step in (rule.as_ if rule.as_ is not None else implied)]
    if rule.take is not None:
        steps.append(_taken(rule.take))
    if rule.join is not None:
        steps.append(f"joined with {_SEPARATORS.get(rule.join, repr(rule.join))}")
    steps += [_step(step) for step in rule.then or ()]
    if rule.values is not None:
        other = rule.otherwise
        known = f"becomes '{other.constant}'" if isinstance(other, Otherwise) else _OTHERWISE[other]
        steps += [_translated(rule.values), f"any other text {known}"]
    if rule.when is not None:
        steps.append(f"only where {_condition(rule.when)}")
    if rule.default is not None:
        steps.append(f"'{rule.default}' if there is none")
    if rule.lookup is not None:
        steps.append(f"looked up among the {_LOOKUPS[rule.lookup]} in WizCommerce")
    if rule.extension_to is not None:
        steps.append(f"an extension goes to attribute '{rule.extension_to}'")
    return "; ".join(steps)


def _step(step: TransformStep) -> str:
    if TRANSFORMS[step.name].argument == "texts":
        return _STEPS[step.name].format(_quoted(step.argument, "or else"))
    if step.name == "date":
        return _STEPS[step.name].format(shown_format(str(step.argument)))
    return _STEPS[step.name].format(*(step.argument if isinstance(step.argument, tuple) else [step.argument]))


def _taken(take: str | int) -> str:
    if take == "all":
        return "all of them"
    if take == NUMBER:
        return f"the one with the number {NUMBER}, counting blank ones"
    if isinstance(take, str):
        return f"the {take} valid one"
    place = _ORDINALS.get(abs(take), f"{abs(take)}th")
    return f"the {place} valid one" + (" from the end" if take < 0 else "")


def _translated(values: dict[str, list[str]]) -> str:
    if len(values) > _MOST_VALUES:
        return f"{len(values)} values are replaced by others"
    texts: dict[tuple[str, ...], list[str]] = {}
    for text, sent in values.items():
        texts.setdefault(tuple(sent), []).append(text)
    return ", ".join(f"{_quoted(own, 'or')} becomes {_quoted(sent, 'and')}" for sent, own in texts.items())


def _required(mapping: Mapping) -> list[str]:
    lines = []
    for name in mapping.tables:
        needed = dict.fromkeys(reference for reference, optional in mapping.references(name) if not optional)
        where = f"In the table {name}: " if len(mapping.tables) > 1 else ""
        lines += [f"{where}{_columns(needed)}."] if needed else []
    rest = "Every other column" if lines else "None: every column"
    return [*lines, f"{rest} is optional; if it is missing, its values are left out."]


def _policies(mapping: Mapping) -> list[str]:
    lines = ["Its customer is rejected: nothing is sent for it, and the report shows the cell."]
    sections = [("customer", mapping.customer), *((_child_name(entry).lower(), entry) for entry in mapping.children())]
    fields = [(f"{kind} {_field_name(name)}", rule) for kind, part in sections for name, rule in part.fields().items()]
    left_out = dict.fromkeys(name for name, rule in fields if rule.invalid == "blank")
    if left_out:
        lines.append(f"For these fields, the value is left out instead, with a warning: {', '.join(left_out)}.")
    dropped = dict.fromkeys(
        _child_name(entry).lower() for entry in mapping.children() if entry.on_error == "drop_child"
    )
    if dropped:
        lines.append(f"Left out as a whole, with a warning, when anything in it is wrong: {'; '.join(dropped)}.")
    lines.append("Rows for the same customer must agree on the customer's own fields; a blank agrees with anything.")
    first = [name for name, rule in fields if rule.conflict == "first" and name.startswith("customer")]
    if first:
        lines.append(f"Where they disagree on these, the first row counts: {', '.join(first)}.")
    if mapping.blanks is not None:
        lines.append(f"Placeholder text that counts as blank: {', '.join(map(repr, mapping.blanks)) or 'none'}.")
    if mapping.word_table is not None:
        lines.append(f"The value table: {mapping.word_table} (another one with --values).")
    if mapping.contact_email == "required":
        lines.append("A contact without an email address is an error.")
    for code, severity in mapping.severity.items():
        eased = CODES[code].severity is Severity.ERROR is not severity
        kept = "the first row counts" if code == "customer_conflict" else "the value is left out"
        lines.append(f"{CODES[code].title} ({code}): {_WEIGHTS[severity]}{f'; {kept}' if eased else ''}.")
    if mapping.country is not None:
        lines.append(f"Phone numbers and states without a country are assumed to be in {mapping.country}.")
    return lines
