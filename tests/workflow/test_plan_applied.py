"""``run --plan``: exactly what the plan shows, once, or not at all."""

import json

import pytest

from tests.workflow.desk import KEY
from tests.workflow.strict_api import PRICE_LIST, REP, strict_api
from tests.workflow.test_dry_run import LOOKUPS
from tests.workflow.test_plan import by_hand, plan


def apply(desk, said, *words):
    return desk.do("run", "--plan", said.summary["run_id"], "--json", *words)


def test_run_sends_exactly_the_bodies_of_the_plan(desk, api) -> None:
    desk.write("reps.yaml", LOOKUPS)
    desk.write(
        "reps.csv", 'Id,Name,Rep,Prices\n1,"Ünï ""Q""",Robin Vale,wholesale\n2,Two,,\n3,Three,nobody,\n4,Four,,\n'
    )
    by_hand(api, "4")
    shown = plan(desk, api, "reps.csv", "-m", "reps.yaml")
    said = apply(desk, shown)
    assert api.broken == []
    assert said.code == 1
    assert said.outcomes == {"1": "created", "2": "created", "3": "rejected", "4": "exists"}
    planned = (shown.folder / "payloads.jsonl").read_bytes()
    assert (said.folder / "payloads.jsonl").read_bytes() == planned
    bodies = {json.loads(line)["reference_id"]: line for line in planned.splitlines()}
    assert api.bodies == {name: bodies[name] for name in ("1", "2")}
    assert said.summary["options"]["plan"] == shown.summary["run_id"]
    assert said.summary["resumable"]


def test_plan_is_applied_only_once(desk, api) -> None:
    shown = plan(desk, api, *desk.small(3))
    first = apply(desk, shown, "--limit", 1)
    assert sorted(first.outcomes.values()) == ["created", "pending", "pending"]
    again = apply(desk, shown)
    assert (again.code, again.out) == (2, "")
    assert f"was already applied by run {first.summary['run_id']}" in again.err
    rest = desk.do("resume", first.summary["run_id"], "--json")
    assert set(rest.outcomes.values()) == {"created"}
    assert len(api.bodies) == 3


def test_run_that_could_not_start_does_not_use_up_the_plan(desk, api) -> None:
    shown = plan(desk, api, *desk.small(3))
    api.missing = True
    assert apply(desk, shown).code == 3
    api.missing = False
    assert set(apply(desk, shown).outcomes.values()) == {"created"}


def edit(name, old, new):
    def change(desk, api) -> None:
        desk.write(name, (desk.path / name).read_text().replace(old, new))

    return change


def appears(desk, api) -> None:
    by_hand(api, "C1")


def is_sent_by_another_run(desk, api) -> None:
    assert desk.run(api.url, "small.csv", "-m", "small.yaml", "--only", "C1").code == 0


def rep_is_renamed(desk, api) -> None:
    api.sales_reps[:] = [{**REP, "id": PRICE_LIST["id"]}]


CHANGED = [
    (edit("small.csv", "Company 1", "Company One"), 2, "the sources have changed since plan"),
    (edit("small.yaml", "title: A", "title: Another"), 2, "the mapping small has changed since plan"),
    (appears, 3, "WizCommerce or the ledger has changed since the plan was made (1 customer: C1)."),
    (is_sent_by_another_run, 3, "WizCommerce or the ledger has changed since the plan was made (1 customer: C1)."),
    (rep_is_renamed, 3, "what would be sent differs from plan"),
]


@pytest.mark.parametrize(("change", "code", "text"), CHANGED)
def test_plan_is_refused_if_anything_changed_since(desk, change, code, text) -> None:
    words = desk.small(3)
    rule = "  assigned_sales_rep_ids: {from: Rep, lookup: sales_rep}\n"
    edit("small.yaml", "addresses:", f"{rule}addresses:")(desk, None)
    table = (desk.path / "small.csv").read_text().splitlines()
    desk.write("small.csv", "\n".join(["Rep," + table[0], *(f"Robin Vale,{line}" for line in table[1:]), ""]))
    with strict_api(sales_reps=[dict(REP)]) as api:
        shown = plan(desk, api, *words)
        assert shown.summary["plan"]["create"] == 3, shown.out
        change(desk, api)
        sent = len(api.bodies)
        said = apply(desk, shown)
        assert said.code == code
        assert text in (said.err if code == 2 else said.summary["stopped"])
        assert len(api.bodies) == sent
        if code == 3:
            assert not said.summary["resumable"]
            assert apply(desk, shown).code == 3  # refused again, and not as "already applied"


def test_changed_plan_files_are_refused(desk, api) -> None:
    shown = plan(desk, api, *desk.small(3))
    path = shown.folder / "payloads.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Company 1", b"Company X"))
    said = apply(desk, shown)
    assert (said.code, said.out) == (2, "")
    assert "payloads.jsonl was changed after the plan was made" in said.err
    assert not api.bodies


def test_plan_belongs_to_its_tenant(desk) -> None:
    with strict_api(keys=(KEY, "another-key-1")) as api:
        shown = plan(desk, api, *desk.small(3))
        desk.environment["WIZCOMMERCE_API_KEY"] = "another-key-1"
        said = apply(desk, shown)
        assert (said.code, said.out) == (2, "")
        assert "belongs to account" in said.err
        assert not api.bodies


def test_options_that_contradict_the_plan_are_usage_errors(desk, api) -> None:
    desk.small(3)
    desk.write("other.csv", (desk.path / "small.csv").read_text())
    shown = plan(desk, api, *desk.small(3), "--country", "US")
    for words, text in (
        (("--country", "GB"), "--country is not what plan"),
        (("--only", "C1"), "--only is not what plan"),
        (("other.csv",), "the sources are not those of plan"),
        (("-m", "xero"), "--mapping is not that of plan"),
        (("--api", "sandbox"), "--api is not that of plan"),
        (("--tenant", "other"), "--tenant is not that of plan"),
    ):
        said = apply(desk, shown, *words)
        assert (said.code, said.out) == (2, "")
        assert text in said.err
    assert apply(desk, shown, "small.csv", "--country", "US", "-m", "small.yaml", "--api", api.url).code == 0


def test_plan_can_be_given_as_a_folder_and_applied_from_elsewhere(desk, api) -> None:
    shown = plan(desk, api, *desk.small(3), "--only", "C1")
    elsewhere = desk.path.parent / "home"
    desk.path, folder = elsewhere, shown.folder
    said = desk.do("run", "--plan", folder, "--json")
    assert said.outcomes == {"C0": "pending", "C1": "created", "C2": "pending"}
    assert list(api.bodies) == ["C1"]


def test_missing_plan_is_a_usage_error(desk) -> None:
    checked = desk.do("check", *desk.small(3), "--json")
    for name in (checked.summary["run_id"], "20250331-140502", "small.csv"):
        said = desk.do("run", "--plan", name)
        assert (said.code, said.out) == (2, "")
        assert f"there is no plan {name}" in said.err
    nothing = desk.do("run")
    assert (nothing.code, nothing.out) == (2, "")
    assert "SOURCE… and --mapping and --api are missing" in nothing.err


def test_sandbox_plan_is_applied_to_the_sandbox(desk) -> None:
    said = desk.do("plan", *desk.small(3), "--api", "sandbox", "--json")
    assert said.summary["plan"]["create"] == 3
    assert set(apply(desk, said).outcomes.values()) == {"created"}


def test_run_stopped_between_plan_and_sending_is_resumed(desk, box, monkeypatch) -> None:
    """The run stops after its plan was recorded; resume sends exactly the planned bodies."""
    from importer.errors import InterruptedRunError
    from importer.workflow.job import Job

    async def stopped(*_: object) -> None:
        raise InterruptedRunError("interrupted", "resume")

    shown = plan(desk, box, *desk.small(3))
    with monkeypatch.context() as patch:
        patch.setattr(Job, "send", stopped)
        assert apply(desk, shown).code == 3
    edit("small.csv", "Company", "Firm")(desk, box)
    said = desk.do("resume", "--json")
    assert set(said.outcomes.values()) == {"created"}
    assert {one["name"] for one in box.customers()} == {"Company 0", "Company 1", "Company 2"}
