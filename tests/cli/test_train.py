import pytest
from helpers import ROOT, run_command

from dsjax.cli.train import parse_train
from dsjax.errors import ConfigError
from dsjax.training.trainer import Trainer

IROS = str(ROOT / "configs" / "iros2018.toml")


def parse(*arguments):
    return parse_train([str(argument) for argument in arguments])


def test_flags_override_the_file_and_the_file_its_preset(tmp_path):
    (tmp_path / "mine.toml").write_text('preset = "readme"\nmembers = 5\n[synapse]\namplitude = 0.1\n')
    command = parse("--config", tmp_path / "mine.toml", "--members", 7, "--no-repulsive", "--adaptation", "none")
    settings = command.settings
    assert (settings.preset, settings.members, settings.synapse.amplitude) == ("readme", 7, 0.1)
    assert (settings.learning.repulsive, settings.neuron.adaptation) == (False, "none")
    assert settings.learning.learning_rate == 1.2e-4
    assert str(command.output) == "runs/mine-seed0"


@pytest.mark.parametrize(
    ("flags", "get", "value"),
    [
        (["--steps", "9"], lambda s: s.steps, 9),
        (["--episodes", "9"], lambda s: s.episodes, 9),
        (["--repulsive"], lambda s: s.learning.repulsive, True),
        (["--learning.learning-rate", "3e-5"], lambda s: s.learning.learning_rate, 3e-5),
        (["--save-every", "4"], lambda s: s.snapshots.every, 4),
        (["--backend", "sync"], lambda s: s.environment.backend, "sync"),
        (["--environment.id", "BipedalWalkerHardcore-v3"], lambda s: s.environment.id, "BipedalWalkerHardcore-v3"),
        (["--preset", "readme"], lambda s: s.learning.learning_rate, 1.2e-4),
    ],
)
def test_every_flag_arrives(flags, get, value):
    assert get(parse(*flags).settings) == value


def test_render_names_a_member():
    assert parse("--render", "--render-member", 3).render
    with pytest.raises(ConfigError, match="--render-member 40: members are 0 to 31"):
        parse("--render", "--render-member", 40)


@pytest.fixture
def run(tmp_path):
    settings = parse("--config", IROS, "--members", 2, "--steps", 100, "--evaluation.every", 0).settings
    Trainer(settings, tmp_path / "run").run()
    return tmp_path / "run"


def test_resuming_takes_the_config_of_the_run(run):
    command = parse("--output", run, "--resume", "--steps", 200, "--save-every", 2)
    assert (command.settings.members, command.settings.steps) == (2, 200)


def test_resuming_with_another_config_names_the_keys(run):
    with pytest.raises(ConfigError) as caught:
        parse("--output", run, "--resume", "--members", 3, "--synapse.amplitude", 0.3)
    text = str(caught.value)
    assert "was started with another config: " in text
    assert "members (2 there, 3 here)" in text
    assert "synapse.amplitude (0.2 there, 0.3 here)" in text
    with pytest.raises(ConfigError, match=r"members \(2 there, 32 here\)"):
        parse("--config", IROS, "--output", run, "--resume", "--evaluation.every", 0, "--steps", 100)


def test_a_run_keeps_its_physics(run):
    stored = (run / "config.toml").read_text()
    own = "envpool" if 'backend = "envpool"' in stored else "sync"
    other = "sync" if own == "envpool" else "envpool"
    with pytest.raises(ConfigError, match=rf"environment.backend \('{own}' there, '{other}' here\)"):
        parse("--output", run, "--resume", "--backend", other)


def test_resuming_needs_a_folder():
    with pytest.raises(ConfigError, match="--resume needs the run's folder: --output runs/NAME"):
        parse("--resume")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--members", "0"], "error: command line: members = 0: input should be greater than or equal to 1"),
        (["--config", "configs/absent.toml"], "error: configs/absent.toml: cannot be read: No such file or directory"),
        (["--preset", "iros2019"], "there is no such preset; there are iros2018, readme"),
        (["--output", "no/such/run", "--resume"], "error: no/such/run: there is no run here"),
        (["--output", "tests"], "error: tests exists and is not empty; choose another --output"),
    ],
)
def test_bad_input_ends_in_one_line(flags, message):
    status, output = run_command("train", *flags)
    assert status == 2
    assert message in output
    assert len(output.strip().splitlines()) == 1


def test_misspelled_flags_get_a_suggestion():
    status, output = run_command("train", "--learning.lerning-rate", "3")
    assert status == 2
    assert "--learning.learning-rate" in output


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--member", 3], "--member 3: goes with --from or --branch"),
        (["--point", 0], "--point 0: goes with --from or --branch"),
        (["--snapshot", 7], "--snapshot 7: goes with --resume or --branch"),
        (["--best-of", 2], "--best-of 2: goes with --branch"),
        (["--autoresume"], "--autoresume needs the run's folder: --output runs/NAME"),
    ],
)
def test_a_flag_that_would_have_no_effect_is_refused(flags, message):
    with pytest.raises(ConfigError, match=message):
        parse(*flags)


def test_one_command_starts_a_run_and_resumes_it(tmp_path):
    """As a job that may be requeued needs: the same command, whatever became of the run."""
    flags = ("--config", IROS, "--members", 2, "--steps", 60, "--round-steps", 20, "--evaluation.every", 0)
    again = (*flags, "--autoresume", "--output", tmp_path / "run")
    command = parse(*again)
    assert not command.resume
    Trainer(command.settings, command.folder).run(command.resume)
    command = parse(*again)
    assert command.resume
    trainer = Trainer(command.settings, command.folder)
    trainer.run(command.resume)
    assert not trainer.trained  # it is at its limit
    with pytest.raises(ConfigError, match=r"members \(2 there, 3 here\)"):
        parse(*again, "--members", 3)


def test_an_output_may_begin_with_a_dash():
    assert str(parse("--output=-dash", "--members", 2).folder) == "-dash"


def test_seeds_beyond_64_bits_are_refused_in_one_line():
    with pytest.raises(ConfigError, match=f"^command line: seed = {2**64}: input should be less than {2**64}$"):
        parse("--seed", 2**64)
    assert parse("--seed", 2**64 - 1).settings.seed == 2**64 - 1


def test_a_finished_run_is_not_shown_as_if_it_had_trained(run):
    status, output = run_command("train", "--output", run, "--resume")
    assert status == 0, output
    assert f"{run} is finished: steps = 100 are done. To train longer, N steps in all:" in output
    assert f"--output {run} --resume --steps N" in output
    assert "episodes" not in output
