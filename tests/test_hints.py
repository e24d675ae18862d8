"""The sentence of the nearest name."""

from tfsynth.hints import nearest, nearest_names


def test_nearest_asks_for_one_name_or_is_silent():
    assert nearest("sede", ["name", "seed", "seeds"]) == " Did you mean `seed`?"
    assert nearest("town", {"towns": 1}, "'") == " Did you mean 'towns'?"
    assert nearest("zebra", ["name", "seed"]) == ""
    assert nearest("zebra", []) == ""


def test_nearest_takes_what_is_no_text():
    assert nearest(25, [256, 7]) == " Did you mean `256`?"


def test_nearest_names_come_nearest_first():
    known = ["streets_256", "streets", "street", "camvid"]
    assert nearest_names("street", known) == "street, streets, streets_256"
    assert nearest_names("street", known, most=1) == "street"
    assert nearest_names("zzz", known) == "none"
    # Whatever is least far.
    assert nearest_names("camel", known, most=1, cutoff=0) == "camvid"
