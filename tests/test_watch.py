import pytest

from dsjax.watch import Watch, Watches


class Diary(Watch):
    def __init__(self, name, heard):
        self.name, self.heard = name, heard

    def __enter__(self):
        self.heard.append(f"{self.name} enters")
        return self

    def __exit__(self, *_):
        self.heard.append(f"{self.name} leaves")

    def notice(self, text):
        self.heard.append(f"{self.name}: {text}")
        if text == "stop":
            raise ValueError(self.name)


def test_watches_hear_in_order_until_one_raises():
    heard = []
    with pytest.raises(ValueError, match="first"), Watches(Diary("first", heard), Diary("second", heard)) as watch:
        watch.notice("go")
        watch.notice("stop")
    assert heard == [
        "first enters", "second enters", "first: go", "second: go", "first: stop", "second leaves", "first leaves",
    ]  # fmt: skip
