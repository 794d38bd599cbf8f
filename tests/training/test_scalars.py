from dsjax.config import loading
from dsjax.training import scalars
from dsjax.training.trainer import Trainer


def test_a_large_population_has_no_lines_of_its_members(tmp_path, monkeypatch):
    status = Trainer(loading.build({"members": 3}), tmp_path / "run").status()
    assert list(scalars.lines(status)) == ["member000", "member001", "member002", "population"]
    whole = scalars.lines(status)["population"]
    monkeypatch.setattr(scalars, "_MOST_MEMBERS", 2)
    assert scalars.lines(status) == {"population": whole}
    assert scalars.steps(status) == {"population": 0}
