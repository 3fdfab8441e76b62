"""How many looks in a row say otherwise."""

from services.system.settling import Row


def test_looks_of_one_kind_are_a_row_and_one_of_the_other_begins_another() -> None:
    row = Row()
    lengths = []
    for is_good in (False, False, True, True, False):
        row = row.after(is_good=is_good)
        lengths.append(row.length)
    assert lengths == [1, 2, 1, 2, 1]
