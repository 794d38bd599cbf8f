from helpers import ROOT

from dsjax.config import loading
from dsjax.config.documented import README_HEADING, documented_toml, meanings_of
from dsjax.config.schema import DECLARED, Config, EvaluationConfig


def test_the_config_that_holds_every_key_says_what_is_declared():
    """After a change: python -m dsjax.config.documented > configs/readme.toml."""
    text = (ROOT / "configs" / "readme.toml").read_text()
    assert text == documented_toml(loading.build({"preset": "readme"}), README_HEADING)


def test_every_key_has_a_meaning(tmp_path):
    config = loading.build({"preset": "iros2018", "selection": {"keys": ["learning.effort", "learning.learning_rate"]}})
    (tmp_path / "documented.toml").write_text(text := documented_toml(config, "one\ntwo"))
    assert loading.read_config(tmp_path / "documented.toml") == config
    assert text.startswith("# one\n# two\n\npreset = ")
    keys = [line for line in text.splitlines() if "=" in line.partition("#")[0]]
    assert len(keys) == len(loading.flat(config))
    assert all(len(line.partition("  # ")[2]) > 10 for line in keys)


def test_meanings_come_from_where_a_key_is_declared():
    assert meanings_of(EvaluationConfig)["every"].startswith("Evaluate after every so many rounds")
    assert meanings_of(Config)["members"] == "Independent controllers, trained side by side"
    assert meanings_of(type(loading.build({}).synapse), "synapse")["period"].endswith("find its weight [ms]")
    assert set(DECLARED) == {"controller", "oscillator", "synapse", "neuron", "learning"}
