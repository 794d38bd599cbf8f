import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from helpers import ROOT
from rich.console import Console

from dsjax.cli.sweep_tables import plan_table
from dsjax.errors import ConfigError, RunError
from dsjax.sweeps.plan import make_plan
from dsjax.sweeps.spec import open_folder, read_sweep, settled

SHIPPED = sorted((ROOT / "configs" / "sweeps").glob("*.toml"))


def written(folder, text):
    path = folder / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sweeps_say_their_question_and_can_be_run(path):
    assert path.read_text().startswith("# Question: ")
    loaded = settled(read_sweep(path))
    assert loaded.seeds >= 8
    made = make_plan(loaded, str(path))
    assert sum(job.config.rows for job in made.jobs) == len(made.points) * loaded.seeds


def test_a_grid_is_every_combination(tmp_path):
    path = written(tmp_path, "[grid]\nsynapse.amplitude = [0.1, 0.2]\nlearning.repulsive = [true, false]\n")
    assert read_sweep(path).points() == [
        {"synapse.amplitude": 0.1, "learning.repulsive": True},
        {"synapse.amplitude": 0.1, "learning.repulsive": False},
        {"synapse.amplitude": 0.2, "learning.repulsive": True},
        {"synapse.amplitude": 0.2, "learning.repulsive": False},
    ]


def test_values_taken_together_are_a_point_each(tmp_path):
    path = written(tmp_path, "[together]\nsynapse.amplitude = [0.1, 0.2]\nlearning.repulsive = [true, true]\n")
    loaded = open_folder(read_sweep(path), tmp_path / "folder")
    assert loaded.points() == [
        {"synapse.amplitude": 0.1, "learning.repulsive": True},
        {"synapse.amplitude": 0.2, "learning.repulsive": True},
    ]


RANDOM = """
samples = {samples}
sample_seed = {seed}
[random]
learning.learning_rate.log_uniform = [1e-6, 1e-2]
synapse.period.uniform = [5000, 50000]
learning.optimizer.choice = ["sgd", "adam"]
"""


def test_random_points_are_spread_as_asked_and_more_samples_keep_them(tmp_path):
    def points(samples, seed=0):
        return read_sweep(written(tmp_path, RANDOM.format(samples=samples, seed=seed))).points()

    many = points(400)
    assert points(20) == many[:20] != points(20, seed=1)
    keys = ("learning.learning_rate", "synapse.period", "learning.optimizer")
    rates, periods, optimizers = zip(*([point[key] for key in keys] for point in many), strict=True)
    assert 1e-6 <= min(rates) < 2e-6
    assert 5e-3 < max(rates) <= 1e-2
    # A quarter of the samples in each factor of ten; the standard error is 0.022.
    assert sum(rate < 1e-5 for rate in rates) / 400 == pytest.approx(0.25, abs=0.08)
    assert sum(period < 16250 for period in periods) / 400 == pytest.approx(0.25, abs=0.08)
    assert optimizers.count("adam") / 400 == pytest.approx(0.5, abs=0.1)


def test_a_base_config_lies_beside_the_sweep_and_may_be_changed(tmp_path):
    (tmp_path / "base.toml").write_text("members = 5\nsteps = 100\n[synapse]\namplitude = 0.3\nperiod = 9000.0\n")
    text = 'config = "base.toml"\n[base]\nsynapse.period = 8000\n[grid]\nlearning.momentum = [0.5, 0.6]\n'
    loaded = read_sweep(written(tmp_path, text))
    config = make_plan(loaded, "mine").jobs[0].config
    assert (config.steps, config.synapse.amplitude, config.synapse.period) == (100, 0.3, 8000)
    assert config.members == 8  # the sweep's seeds, not the members of a run of that config alone


GRID = "[grid]\nsynapse.amplitude = [0.1, 0.2]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds = 3", "a sweep has one table of keys to vary: [grid], [together] or [random]"),
        ("sedes = 3\n" + GRID, "unknown key sedes; did you mean seeds?"),
        ("seeds = 0\n" + GRID, "seeds = 0: input should be greater than or equal to 1"),
        ("samples = 4\n" + GRID, "samples = 4: a random sweep needs at least 1, others have none"),
        ("[grid]\nsynapse.amplitud = [1]", "unknown key synapse.amplitud; did you mean synapse.amplitude?"),
        ("[grid]\nsynapse.amplitude = []", "grid: synapse.amplitude = []: there must be values, each of them once"),
        ("[grid]\nsynapse.amplitude = [1, 1]", "there must be values, each of them once"),
        ("[grid]\nsynapse.amplitude = 1", "grid.synapse.amplitude = 1: input should be a valid list"),
        ("[grid]\nsynapse.amplitude = [0.1, -1.0]", "point 1: synapse.amplitude = -1.0: input should be greater"),
        (
            "[together]\nsynapse.amplitude = [1, 2]\nsynapse.period = [9e3]",
            "amplitude has 2, synapse.period has 1 values",
        ),
        ("[together]\nsynapse.amplitude = []", "together: synapse.amplitude: there must be values"),
        ("[grid]\nmembers = [1, 2]", "members cannot be swept: seeds says how many"),
        ("[base]\nmembers = 3\n" + GRID, "base: members: seeds says how many"),
        ("[base]\nselection.every = 5\n" + GRID, "base: selection.every = 5: a point's members are compared as indep"),
        ("[grid]\nselection.every = [5, 6]", "selection.every cannot be swept: a point's members are compared as"),
        ('[base]\npreset = "readme"\n[grid]\npreset = ["readme"]', "preset = 'readme' in the base, where it is swept"),
        ("samples = 1\n[random]\nsynapse.amplitude.normal = [0, 1]", "normal: must be one of uniform, log_uniform, ch"),
        ("samples = 1\n[random]\nsynapse.amplitude.uniform = [2, 1]", "must be two numbers, the lower one first"),
        ("samples = 1\n[random]\nsynapse.amplitude.log_uniform = [0, 1]", "log_uniform = [0, 1]: must be positive"),
    ],
)
def test_mistakes_get_one_line_that_names_the_key(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        make_plan(read_sweep(written(tmp_path, text)), "mine.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sweep_goes_on_with_the_same_plan_alone(tmp_path):
    asked = read_sweep(written(tmp_path, GRID))
    stored = open_folder(asked, tmp_path / "out")
    assert stored == open_folder(asked, tmp_path / "out") == read_sweep(tmp_path / "out" / "sweep.toml")
    assert stored.base["environment"]["backend"] in ("envpool", "sync")
    with ThreadPoolExecutor(8) as threads:  # as the tasks of a Slurm array do
        opened = list(threads.map(open_folder, [asked] * 8, [tmp_path / "shards"] * 8))
    assert opened == [stored] * 8
    assert [path.name for path in (tmp_path / "shards").iterdir()] == ["sweep.toml"]
    other = read_sweep(written(tmp_path, "seeds = 4\n" + GRID))
    with pytest.raises(RunError, match=re.escape("another sweep: seeds (8 there, 4 here); choose another --output")):
        open_folder(other, tmp_path / "out")
    with pytest.raises(RunError, match="exists and holds no sweep"):
        open_folder(asked, ROOT / "configs")


def test_a_sample_that_repeats_an_earlier_one_is_no_other_point(tmp_path):
    (tmp_path / "few.toml").write_text("samples = 9\n[random]\nsynapse.amplitude.choice = [0.1, 0.2]\n")
    small = read_sweep(tmp_path / "few.toml")
    assert sorted(point["synapse.amplitude"] for point in small.points()) == [0.1, 0.2]
    grown = replace(small, samples=90)
    assert grown.points()[: len(small.points())] == small.points()
    whole = make_plan(small, "few.toml")
    assert (len(whole.points), whole.repeats) == (2, 7)
    console = Console(file=io.StringIO(), width=100)
    console.print(plan_table(whole))
    assert "2 points in 1 job, 16 members; 7 samples repeat earlier ones" in " ".join(console.file.getvalue().split())


def test_two_points_with_the_same_values_are_refused(tmp_path):
    values = "synapse.amplitude = [0.1, 0.2, 0.1]\nsynapse.period = [9e3, 9e3, 9e3]\n"
    (tmp_path / "twice.toml").write_text("[together]\n" + values)
    with pytest.raises(ConfigError, match="together: two points have the same values; each point must be there once"):
        read_sweep(tmp_path / "twice.toml")
