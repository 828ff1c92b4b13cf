"""`importer ledger …` as users see it."""


def test_ledger_commands_check_back_up_and_vacuum(desk, box) -> None:
    desk.run(box.url, *desk.small(5))
    said = desk.do("ledger", "check")
    assert (said.code, said.out, said.err) == (0, "The ledger is intact.\n", "")
    said = desk.do("ledger", "backup", "copy.db")
    assert said.code == 0
    assert said.out.startswith("copy.db: 0.")
    assert desk.do("ledger", "check", "--ledger", "copy.db").code == 0
    again = desk.do("ledger", "backup", "copy.db")
    assert (again.code, again.out) == (2, "")
    assert "already exists" in again.err
    assert " MB now" in desk.do("ledger", "vacuum").out


def test_forget_asks_and_does_not_cause_sending_again(desk, box) -> None:
    first = desk.run(box.url, *desk.small(3))
    names = list(first.outcomes)
    unasked = desk.do("ledger", "forget", *names)
    assert (unasked.code, unasked.out) == (2, "")
    assert "--yes" in unasked.err
    killed = desk.do("check", *desk.small(3), "--json").folder
    (killed / "summary.json").unlink()  # the file that is written last
    said = desk.do("ledger", "forget", *names, "unheard", "--yes")
    assert said.code == 0
    assert "Erased the data of 3 of 4 customers; 1 was not in the ledger." in said.out
    assert str(first.folder.resolve()) in said.out
    assert str(killed.resolve()) in said.out
    again = desk.run(box.url, *desk.small(3))
    assert set(again.outcomes.values()) == {"unchanged"}
    assert box.counts()["customers"] == 3


def test_forget_names_folders_of_runs_that_rejected_the_customer(desk, box) -> None:
    mapping = desk.small()
    desk.write("small.csv", (desk.path / "small.csv").read_text().replace("c1@", "c1"))
    folder = desk.run(box.url, *mapping).folder
    for name, named in {"C1": True, "other": False}.items():
        said = desk.do("ledger", "forget", name, "--yes")
        assert "1 was not in the ledger." in said.out
        assert (str(folder.resolve()) in said.out) is named
