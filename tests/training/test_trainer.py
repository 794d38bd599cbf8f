import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import psutil
import pytest
from helpers import EARLY, ROOT, Stop, assert_same_run, last_snapshot, run_command, start_script, tables

from dsjax import population
from dsjax.analysis.comparison import compare
from dsjax.config import loading
from dsjax.envs import make
from dsjax.envs.make import make_vector
from dsjax.envs.processes import WorkerDied
from dsjax.errors import ConfigError, RunError
from dsjax.evaluation.controllers import load_controllers
from dsjax.evaluation.evaluate import evaluate
from dsjax.evaluation.score import score_run
from dsjax.presets import PRESETS
from dsjax.storage.run import read_run_config
from dsjax.storage.snapshots import Snapshots
from dsjax.storage.states import load_snapshot
from dsjax.storage.tables import read_table
from dsjax.training.callbacks import Callback
from dsjax.training.rollout import round_seeds
from dsjax.training.trainer import Trainer

ROUNDS, ROUND_STEPS = 5, 120
TINY = {
    **EARLY, "members": 3, "steps": ROUNDS * ROUND_STEPS, "round_steps": ROUND_STEPS,
    "evaluation": {"every": 0}, "environment": {"backend": "sync"},
}  # fmt: skip
FLAGS = ("--members", 3, "--steps", ROUNDS * ROUND_STEPS, "--round-steps", ROUND_STEPS, "--evaluation.every", 0)


def tiny(**changes):
    return loading.build(TINY | changes)


def wait_for(path, process):
    """Wait until a running script has written a file."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sync", "async", "envpool"])
@pytest.mark.parametrize("preset", PRESETS)
def test_killed_in_mid_round_and_resumed_equals_uninterrupted(tmp_path, preset, backend):
    if backend == "envpool":
        pytest.importorskip("envpool")
    flags = ("--config", ROOT / "configs" / f"{preset}.toml", "--backend", backend, "--environment.workers", 2, *FLAGS)
    status, output = run_command("train", *flags, "--output", tmp_path / "whole")
    assert status == 0, output

    killed = tmp_path / "killed"
    # Far from its end, so that the kill comes in the middle of some round.
    process = start_script("train.py", *flags, "--steps", 10**9, "--output", killed)
    # Each snapshot is written behind the next round: by now that of round 2 is there.
    wait_for(killed / "episodes" / "round-000004.parquet", process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    saved = Snapshots(killed).numbers()[-1]
    assert saved >= 1
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive  # env workers end with the process they work for

    steps = max(ROUNDS, saved + 2) * ROUND_STEPS
    for folder in (killed, tmp_path / "whole"):
        status, output = run_command("train", "--output", folder, "--resume", "--steps", steps)
        assert status == 0, output
    assert_same_run(tmp_path / "whole", killed)


def test_a_run_with_selection_that_was_killed_equals_an_uninterrupted_one(tmp_path):
    class Killed(Callback):
        def on_step(self, run, tick):
            if run.stats.rounds == 3 and tick == 100:  # after two selections, and one that no snapshot holds yet
                raise KeyboardInterrupt

    twice = {"every": 2, "episodes": 1}
    settings = tiny(selection={"every": 1}, snapshots={"every": 2}, evaluation=twice)
    Trainer(settings, tmp_path / "whole").run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(settings, tmp_path / "killed", [Killed()]).run()
    assert Snapshots(tmp_path / "killed").numbers()[-1] == 2
    Trainer(settings, tmp_path / "killed").run(resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "killed")
    assert 1 < len(read_table(tmp_path / "killed", "selections")) <= ROUNDS
    _, arrays = last_snapshot(tmp_path / "killed")
    assert len(set(arrays["selection.learning.learning_rate"].tolist())) > 1


def test_a_worker_that_dies_after_selection_does_not_let_it_happen_twice(tmp_path, monkeypatch):
    evaluated = {"every": 1, "episodes": 1}
    settings = tiny(steps=ROUND_STEPS, selection={"every": 1}, evaluation=evaluated)
    Trainer(settings, tmp_path / "quiet").run()
    calls = []

    def fragile(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:  # the evaluation of round 1
            raise WorkerDied("worker 0 died")
        return evaluate(*arguments, **options)

    monkeypatch.setattr("dsjax.training.walkers.evaluate", fragile)
    Trainer(settings, tmp_path / "disturbed").run()
    assert len(calls) == 3
    assert_same_run(tmp_path / "quiet", tmp_path / "disturbed")


def test_a_stopped_member_goes_on_as_a_copy(tmp_path):
    trainer = Trainer(tiny(selection={"every": 2}), tmp_path / "run")
    learning = trainer.params.learning
    rates = np.array([1.2e-5, np.inf, 1.2e-5], np.float32)
    trainer.params = trainer.params._replace(learning=learning._replace(learning_rate=rates))
    trainer.run()
    assert trainer.state.running.all()
    assert trainer.stats.stopped_round[1] == -1
    rows = read_table(tmp_path / "run", "selections").to_pylist()
    assert (rows[0]["round"], rows[0]["member"], rows[0]["score"]) == (2, 1, -np.inf)


def test_both_gymnasium_backends_train_alike(tmp_path):
    for backend in ("sync", "async"):
        settings = tiny(environment={"backend": backend, "workers": 2}, steps=2 * ROUND_STEPS)
        Trainer(settings, tmp_path / backend).run()
    assert_same_run(tmp_path / "sync", tmp_path / "async")


@pytest.mark.parametrize("backend", ["envpool", "async"])
def test_groups_that_take_turns_train_alike(tmp_path, backend, monkeypatch):
    if backend == "envpool":
        pytest.importorskip("envpool")
    settings = tiny(environment={"backend": backend, "workers": 2}, members=5, steps=2 * ROUND_STEPS)
    for size, groups in ((1, 2), (100, 1)):
        monkeypatch.setitem(make._GROUP_ENVS, backend, size)
        envs = make_vector("BipedalWalker-v3", 5, backend, 2)
        assert len(envs.groups) == groups
        envs.close()
        Trainer(settings, tmp_path / str(groups)).run()
    assert_same_run(tmp_path / "1", tmp_path / "2")


@pytest.mark.parametrize(
    ("installed", "members", "settled"), [(True, 3, "envpool"), (False, 3, "sync"), (False, 6, "async")]
)
def test_an_automatic_backend_is_settled_when_the_run_begins(tmp_path, monkeypatch, installed, members, settled):
    """EnvPool where it is; else workers where there are cores and walkers enough."""
    monkeypatch.setattr("dsjax.envs.make.cores", lambda: 2)
    if installed:
        pytest.importorskip("envpool")
    else:
        monkeypatch.setattr("dsjax.envs.envpool.available", lambda: False)
    Trainer(tiny(members=members, environment={"backend": "auto"}, steps=10), tmp_path / "run").run()
    assert loading.read_config(tmp_path / "run" / "config.toml").environment.backend == settled


def test_resuming_keeps_the_physics_of_the_run(tmp_path):
    pytest.importorskip("envpool")
    automatic = {"backend": "auto"}
    Trainer(tiny(environment=automatic), tmp_path / "whole").run()
    Trainer(tiny(environment=automatic, steps=2 * ROUND_STEPS), tmp_path / "resumed").run()
    trainer = Trainer(tiny(environment=automatic), tmp_path / "resumed")
    trainer.run(resume=True)
    assert trainer.config.environment.backend == "envpool"
    assert_same_run(tmp_path / "whole", tmp_path / "resumed")
    with pytest.raises(RunError, match="EnvPool shows no window"):
        Trainer(tiny(environment=automatic), tmp_path / "resumed", render=0).run(resume=True)


def test_envpool_runs_are_scored_with_gymnasium(tmp_path):
    pytest.importorskip("envpool")
    results = []
    for backend in ("envpool", "sync"):
        settings = tiny(members=2, steps=10, environment={"backend": backend}, evaluation={"every": 9, "episodes": 2})
        Trainer(settings, tmp_path / backend).run()
        rows = read_table(tmp_path / backend, "evaluations").to_pylist()
        results.append([row for row in rows if row["round"] == 0])  # untrained: alike, whatever they train on
    assert results[0] == results[1]


# Signs of patterns, of shells, of rich's markup and of matplotlib's legends and formulas; and beyond ASCII.
NAMES = ["br[1] star* what?", """it's "x" & $HOME [red]x""", "räume", "-dash", "_y"]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_folder_may_have_any_name(tmp_path, monkeypatch, name):
    """Trained, resumed, rewound, scored and compared, from a relative path."""
    monkeypatch.chdir(tmp_path)
    folder = Path("./" + name) if name.startswith("-") else Path(name)
    each = {"every": 1, "episodes": 1}
    settings = tiny(members=1, steps=60, round_steps=20, evaluation=each)
    Trainer(replace(settings, steps=40), folder).run()
    Trainer(settings, folder).run(resume=True)
    Trainer(settings, folder).run(resume=True, number=2)
    score = score_run(folder, episodes=1)
    assert len(score.table) == 1 and load_controllers(folder, "best").round in range(4)
    assert len(compare([folder]).groups[0].members) == 1
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    Trainer(settings, Path("plain")).run()
    assert_same_run(folder, Path("plain"), but="scores")


def test_a_run_folder_may_be_a_link(tmp_path):
    (tmp_path / "real[1]").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real[1]")
    Trainer(tiny(steps=2 * ROUND_STEPS), tmp_path / "link").run()
    Trainer(tiny(), tmp_path / "link").run(resume=True)
    Trainer(tiny(), tmp_path / "plain").run()
    assert_same_run(tmp_path / "link", tmp_path / "plain")


def test_resuming_from_an_earlier_snapshot_leaves_nothing_of_what_came_after(tmp_path):
    kept = {"keep_every": 1}
    each = {"every": 1, "episodes": 1}
    settings = tiny(members=3, selection={"every": 1}, evaluation=each, snapshots=kept)
    Trainer(settings, tmp_path / "run").run()
    score_run(tmp_path / "run", episodes=1)
    Trainer(replace(settings, steps=3 * ROUND_STEPS - 50), tmp_path / "run").run(resume=True, number=2)
    Trainer(replace(settings, steps=3 * ROUND_STEPS - 50), tmp_path / "fresh").run()
    # The earlier run also evaluated where it ended then; up to the snapshot all is alike, after it nothing is left.
    assert_same_run(tmp_path / "run", tmp_path / "fresh")
    assert "rewound" in (tmp_path / "run" / "events.jsonl").read_text()


def test_new_limits_are_kept_so_that_an_interrupted_extension_continues(tmp_path):
    Trainer(tiny(steps=ROUND_STEPS), tmp_path / "run").run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(tiny(), tmp_path / "run", [Stop(2, 10)]).run(resume=True)
    stored = loading.read_config(tmp_path / "run" / "config.toml")
    assert stored.steps == ROUNDS * ROUND_STEPS
    [line] = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    event = json.loads(line)
    assert (event["event"], event["round"]) == ("config changed", 1)
    assert event["changes"] == {"steps": [ROUND_STEPS, ROUNDS * ROUND_STEPS]}
    trainer = Trainer(stored, tmp_path / "run")
    trainer.run(resume=True)
    assert trainer.trained
    Trainer(tiny(), tmp_path / "whole").run()
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_other_evaluations_do_not_change_training(tmp_path):
    Trainer(tiny(steps=2 * ROUND_STEPS), tmp_path / "run").run()
    changed = tiny(evaluation={"every": 2, "episodes": 1})
    Trainer(changed, tmp_path / "run").run(resume=True)
    Trainer(changed, tmp_path / "whole").run()
    for name in ("episodes", "members"):
        assert read_table(tmp_path / "run", name) == read_table(tmp_path / "whole", name)
    assert set(read_table(tmp_path / "run", "evaluations")["round"].to_pylist()) == {4, 5}


def test_a_trainer_refuses_to_resume_with_another_config(tmp_path):
    Trainer(tiny(steps=ROUND_STEPS), tmp_path / "run").run()
    before = tables(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"learning.learning_rate \(1.2e-05 there, 0.1 here\)"):
        Trainer(tiny(learning={"learning_rate": 0.1}), tmp_path / "run").run(resume=True)
    assert tables(tmp_path / "run") == before


def test_a_finished_run_says_so(tmp_path):
    Trainer(tiny(steps=10), tmp_path / "run").run()
    before = tables(tmp_path / "run")
    trainer = Trainer(tiny(steps=10), tmp_path / "run")
    trainer.run(resume=True)
    assert not trainer.trained
    assert trainer.limit() == "steps = 10 are done"
    assert tables(tmp_path / "run") == before


def test_a_run_is_not_continued_in_another_precision(tmp_path):
    Trainer(tiny(steps=10), tmp_path / "run").run()
    with jax.enable_x64(True), pytest.raises(RunError, match="float64 is computed; unset JAX_ENABLE_X64"):
        Trainer(tiny(steps=20), tmp_path / "run").run(resume=True)
    with jax.enable_x64(True), pytest.raises(RunError, match="float64 is computed; unset JAX_ENABLE_X64"):
        load_controllers(tmp_path / "run")
    notes = Notes()
    Trainer(tiny(steps=20), tmp_path / "run", [notes]).run(resume=True)
    assert notes.texts == []  # the session that was refused is none


def test_another_version_of_what_decides_the_bits_is_noted(tmp_path):
    Trainer(tiny(steps=10), tmp_path / "run").run()
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["sessions"][0]["versions"]["jaxlib"] = "0.0.1"
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    notes = Notes()
    Trainer(tiny(steps=20), tmp_path / "run", [notes]).run(resume=True)
    assert [text.split(" and ")[0] for text in notes.texts] == ["jaxlib was 0.0.1"]
    assert '"computed otherwise", "what": "jaxlib", "before": "0.0.1"' in (tmp_path / "run/events.jsonl").read_text()


def test_a_run_may_be_trained_in_a_thread(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(Trainer(tiny(steps=10), tmp_path / "thread").run).result()
    Trainer(tiny(steps=10), tmp_path / "main").run()
    assert_same_run(tmp_path / "thread", tmp_path / "main")


def test_one_process_holds_a_run_and_others_touch_nothing(tmp_path):
    class Second(Notes):
        def on_step(self, run, tick):
            if not self.texts:
                for resume in (True, False):
                    with pytest.raises(RunError) as caught:
                        Trainer(tiny(), run.folder).run(resume=resume)
                    self.texts.append(str(caught.value))
                assert len(read_run_config(run.folder).identities()) == 3  # reading stays possible

    second = Second()
    Trainer(tiny(), tmp_path / "run", [second]).run()
    assert f"{tmp_path / 'run'} is in use by process {os.getpid()} on " in second.texts[0]
    assert "already holds a run" in second.texts[1]
    Trainer(tiny(), tmp_path / "alone").run()
    assert_same_run(tmp_path / "run", tmp_path / "alone")


@pytest.mark.parametrize("kind", ["file", "read-only"])
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, kind):
    if kind == "file":
        (tmp_path / "there").write_text("a file")
        folder = tmp_path / "there" / "run"
    else:
        folder = Path("/proc/run")
    with pytest.raises(RunError, match=re.escape(f"{folder}: ")):
        Trainer(tiny(), folder).run()


def test_how_often_to_save_changes_nothing(tmp_path):
    Trainer(tiny(), tmp_path / "often").run()
    Trainer(tiny(snapshots={"every": 3, "keep_every": 100}), tmp_path / "seldom").run()
    assert_same_run(tmp_path / "often", tmp_path / "seldom")


def test_a_member_trains_alike_in_every_population(tmp_path):
    Trainer(tiny(members=1, steps=ROUND_STEPS), tmp_path / "one").run()
    Trainer(tiny(members=4, steps=ROUND_STEPS), tmp_path / "four").run()
    one, four = (read_table(tmp_path / name, "episodes").to_pylist() for name in ("one", "four"))
    assert one == [row for row in four if row["member"] == 0]


@pytest.mark.parametrize("backend", ["sync", "envpool"])
def test_a_row_trains_alike_alone(tmp_path, backend):
    if backend == "envpool":
        pytest.importorskip("envpool")
    points = [
        {"learning.learning_rate": 1e-4, "synapse.amplitude": 0.1},
        {"synapse.period": 9000.0, "oscillator.coupling": 0.3, "neuron.target": 0.1},
    ]
    settings = tiny(members=2, points=points, environment={"backend": backend}, evaluation={"every": 2, "episodes": 1})
    whole = Trainer(settings, tmp_path / "whole")
    whole.run()
    for row in (0, 3):
        alone = Trainer(settings.row(row), tmp_path / f"alone-{row}")
        alone.run()
        for name in ("episodes", "members", "evaluations"):
            mine, among = (read_table(trainer.folder, name).to_pylist() for trainer in (alone, whole))
            assert mine == [each | {"member": 0} for each in among if each["member"] == row]
        kept, among = alone.state, population.select(whole.state, np.array([row]))
        jax.tree.map(np.testing.assert_array_equal, kept, among)


def test_a_member_begins_alike_at_every_point(tmp_path):
    trainer = Trainer(tiny(members=2, points=[{}, {"learning.learning_rate": 1e-3}, {}]), tmp_path / "run")
    trainer.run()
    rows = read_table(tmp_path / "run", "episodes").to_pylist()
    by_row = [[r | {"member": 0} for r in rows if r["member"] == row] for row in range(6)]
    assert by_row[0] == by_row[4] != by_row[1] == by_row[5]
    assert by_row[2] != by_row[0]  # another rate, another trajectory ...
    centers = trainer._first_centers
    np.testing.assert_array_equal(centers[:2], centers[2:4])  # ... of the same beginning


def test_rounds_record_every_step_once(tmp_path):
    Trainer(tiny(), tmp_path / "run").run()
    rows = read_table(tmp_path / "run", "episodes").to_pylist()
    members = read_table(tmp_path / "run", "members").to_pylist()
    for member in range(3):
        mine = [row for row in rows if row["member"] == member]
        assert [row["episode"] for row in mine] == list(range(len(mine)))
        assert [row["step"] for row in mine] == list(np.cumsum([row["length"] for row in mine]))
        # Each completed episode costs one more call, its reset, unless the round's end came first.
        completed = [row for row in mine if row["outcome"] != "cut"]
        resets = ROUNDS * ROUND_STEPS - mine[-1]["step"]
        assert len(completed) - ROUNDS <= resets <= len(completed)
        last = [row for row in members if row["member"] == member][-1]
        assert (last["step"], last["episodes"]) == (mine[-1]["step"], len(completed))
        assert last["drift"] > 0


def test_frozen_centers_are_evaluated_before_between_and_after_rounds(tmp_path):
    twice = {"every": 2, "episodes": 1}
    Trainer(tiny(members=2, steps=3 * ROUND_STEPS, evaluation=twice), tmp_path / "run").run()
    table = read_table(tmp_path / "run", "evaluations")
    assert table["round"].to_pylist() == [0, 0, 2, 2, 3, 3]
    assert set(table["terrains"].to_pylist()) == {"validation-v1"}
    assert set(table["weights"].to_pylist()) == {"centers"}


def test_members_good_enough_meet_all_terrains_until_they_are_solved(tmp_path, monkeypatch):
    for name, value in (("SOLVED_RETURN", -1e9), ("SOLVED_EPISODES", 3)):  # any walker, and few terrains, will do
        monkeypatch.setattr(f"dsjax.training.validation.{name}", value)
        monkeypatch.setattr(f"dsjax.training.episode_stats.{name}", value)
    trainer = Trainer(tiny(members=2, steps=ROUND_STEPS, evaluation={"every": 1, "episodes": 2}), tmp_path / "run")
    trainer.run()
    rows = read_table(tmp_path / "run", "evaluations").to_pylist()
    met = sorted((row["round"], row["member"], row["terrain"]) for row in rows)
    assert met == [(number, member, k) for number, most in ((0, 3), (1, 2)) for member in (0, 1) for k in range(most)]
    for member in (0, 1):
        returns = [row["return"] for row in rows if (row["round"], row["member"]) == (1, member)]
        assert trainer.stats.frozen_return[member] == pytest.approx(np.mean(returns))
    assert list(trainer.stats.frozen_solved_step) == [0, 0]


def test_episode_limit_lets_members_rest(tmp_path):
    trainer = Trainer(tiny(steps=0, episodes=4), tmp_path / "run")
    trainer.run()
    assert trainer.stats.completed.min() >= 4
    table = read_table(tmp_path / "run", "members").to_pylist()
    for row in table:
        later = [r for r in table if r["member"] == row["member"] and r["round"] > row["round"]]
        if row["episodes"] >= 4:
            assert {r["step"] for r in later} <= {row["step"]}


def test_until_solved_stops_when_all_are(tmp_path, monkeypatch):
    monkeypatch.setattr("dsjax.training.episode_stats.SOLVED_RETURN", -1e9)  # so that 100 episodes of any kind will do
    monkeypatch.setattr("dsjax.training.episode_stats.SOLVED_EPISODES", 2)
    trainer = Trainer(tiny(steps=0, until_solved=True), tmp_path / "run")
    trainer.run()
    assert trainer.stats.solved().all()
    assert trainer.stats.training_solved_episode.max() == 2


def test_a_member_whose_frozen_centers_are_solved_can_rest(tmp_path, monkeypatch):
    """One member is taken for solved before the first round: it stays as it began, and the other goes on."""
    frozen = {}

    def evaluated(self, member, returns):
        frozen.setdefault(member, []).append(len(returns))
        self.frozen_return[member] = returns.mean()
        if member == 1 and self.frozen_solved_step[1] < 0:
            self.frozen_solved_step[1] = self.steps[1]

    monkeypatch.setattr("dsjax.training.episode_stats.EpisodeStats.count_evaluation", evaluated)
    monkeypatch.setattr("dsjax.training.validation.SOLVED_RETURN", -1e9)
    monkeypatch.setattr("dsjax.training.validation.SOLVED_EPISODES", 4)
    each = {"every": 1, "episodes": 2}
    trainer = Trainer(tiny(steps=900, members=2, rest_when_solved=True, evaluation=each), tmp_path / "run")
    trainer.run()
    assert trainer.paused().tolist() == [False, True]
    assert trainer.stats.steps[0] > 800 and trainer.stats.steps[1] == 0
    assert set(frozen[0]) == {4}  # the terrains of the verdict, each time
    assert frozen[1] == [4] + [2] * (len(frozen[0]) - 1)
    first, last = (load_snapshot(tmp_path / "run", number) for number in (0, trainer.saved))
    for name in first:
        if name.startswith("members.") and not name.endswith("next_period"):  # drawn for all, used by none at rest
            np.testing.assert_array_equal(first[name][1], last[name][1], err_msg=name)
    assert not np.array_equal(first["members.synapses.center"][0], last["members.synapses.center"][0])


class Notes(Callback):
    def __init__(self):
        self.texts = []

    def on_notice(self, text):
        self.texts.append(text)


def test_a_member_that_stops_is_recorded_once_however_often_its_round_is_computed(tmp_path, monkeypatch):
    calls = []

    def fragile(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:  # the evaluation of round 1, in which the member stops
            raise WorkerDied("worker 0 died")
        return evaluate(*arguments, **options)

    monkeypatch.setattr("dsjax.training.walkers.evaluate", fragile)
    notes = Notes()
    trainer = Trainer(tiny(steps=ROUND_STEPS, evaluation={"every": 1, "episodes": 1}), tmp_path / "run", [notes])
    rates = np.array([1.2e-5, np.inf, 1.2e-5], np.float32)
    trainer.params = trainer.params._replace(learning=trainer.params.learning._replace(learning_rate=rates))
    trainer.run()
    events = [json.loads(line)["event"] for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert events == ["worker died", "member stopped"]
    assert len([text for text in notes.texts if text.startswith("member 1 stopped after ")]) == 1


def test_a_member_that_is_not_finite_is_stopped_and_named(tmp_path):
    notes = Notes()
    trainer = Trainer(tiny(), tmp_path / "run", [notes])
    learning = trainer.params.learning
    rates = np.array([1.2e-5, np.inf, 1.2e-5], np.float32)
    trainer.params = trainer.params._replace(learning=learning._replace(learning_rate=rates))
    trainer.run()
    assert list(np.asarray(trainer.state.running)) == [True, False, True]
    assert list(trainer.stats.stopped_round) == [-1, 1, -1]
    assert len(notes.texts) == 1
    assert notes.texts[0].startswith("member 1 stopped after ")
    Trainer(tiny(), tmp_path / "healthy").run()
    rows, healthy = (read_table(tmp_path / n, "episodes").to_pylist() for n in ("run", "healthy"))
    assert [r for r in rows if r["member"] != 1] == [r for r in healthy if r["member"] != 1]


def test_a_round_whose_worker_dies_begins_again(tmp_path):
    class Murderer(Notes):
        def on_step(self, run, tick):
            if tick == 100 and run.stats.rounds == 1 and not self.texts:
                trainer._walkers.training()._processes[0].kill()

    settings = tiny(environment={"backend": "async", "workers": 2}, steps=3 * ROUND_STEPS)
    notes = Murderer()
    trainer = Trainer(settings, tmp_path / "disturbed", [notes])
    trainer.run()
    Trainer(settings, tmp_path / "quiet").run()
    assert notes.texts == ["env worker 0, with members 0 to 1, died (exit code -9); restarting round 2"]
    assert_same_run(tmp_path / "disturbed", tmp_path / "quiet")
    assert "worker died" in (tmp_path / "disturbed" / "events.jsonl").read_text()


def test_workers_that_keep_dying_end_the_run(tmp_path):
    class Massacre(Callback):
        def on_step(self, run, tick):
            trainer._walkers.training()._processes[0].kill()

    settings = tiny(environment={"backend": "async", "workers": 2})
    trainer = Trainer(settings, tmp_path / "run", [Massacre()])
    with pytest.raises(RunError, match="env workers died 3 times in one round"):
        trainer.run()


def test_a_full_disk_ends_the_run_and_space_lets_it_go_on(tmp_path, small_disk):
    disk = small_disk("4m")
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(2_700_000))
    with pytest.raises(RunError, match="the disk is full; free some space, then continue with --resume"):
        Trainer(tiny(steps=200, round_steps=10), disk / "run").run()
    ballast.unlink()
    Trainer(tiny(steps=200, round_steps=10), disk / "run").run(resume=True)
    Trainer(tiny(steps=200, round_steps=10), tmp_path / "whole").run()
    assert_same_run(disk / "run", tmp_path / "whole")


def test_a_damaged_snapshot_is_refused_and_the_one_before_serves(tmp_path):
    Trainer(tiny(), tmp_path / "whole").run()
    Trainer(tiny(steps=3 * ROUND_STEPS), tmp_path / "run").run()
    for path in (tmp_path / "run" / "snapshots" / "3").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RunError, match=r"snapshot 3 in .* is damaged: .*; .* add --snapshot 2"):
        Trainer(tiny(), tmp_path / "run").run(resume=True)
    Trainer(tiny(), tmp_path / "run").run(resume=True, number=2)
    assert_same_run(tmp_path / "whole", tmp_path / "run")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_runs_say_how_to_go_on(tmp_path, number):
    run = tmp_path / "run"
    process = start_script("train.py", *FLAGS, "--output", run, "--steps", 10**6)
    wait_for(run / "episodes" / "round-000001.parquet", process)
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    message = " ".join(output.split())
    assert f"Stopped by {number.name}" in message
    assert f"{ROOT / 'scripts' / 'train.py'} --output {run} --resume" in message
    assert "Traceback" not in output
    assert Snapshots(run).numbers()[-1] >= 1


def test_watching_a_member_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # a window without a screen
    settings = tiny(members=2, steps=60, round_steps=60)
    Trainer(settings, tmp_path / "watched", render=1).run()
    Trainer(settings, tmp_path / "unseen").run()
    assert_same_run(tmp_path / "watched", tmp_path / "unseen")


def test_seeds_depend_on_run_member_and_round_alone():
    def seeds(seed, number, members=range(4)):
        return round_seeds(seed, number, members, [True] * len(members))

    assert round_seeds(0, 1, range(3), [True, False, True])[::2] == seeds(0, 1)[:3:2]
    assert round_seeds(0, 1, [0], [False]) == [None]
    assert seeds(0, 1, [3, 1, 3]) == [seeds(0, 1)[member] for member in (3, 1, 3)]
    assert len({*seeds(0, 1), *seeds(1, 1), *seeds(0, 2)}) == 12


def test_a_transformation_of_ones_own_is_trained_stated_and_resumed(tmp_path, monkeypatch):
    rule = "import optax\n\ndef plain(params):\n    return optax.sgd(params.learning_rate)\n"
    (tmp_path / "my_rules.py").write_text(rule)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("my_rules:plain", "sgd"):
        folder = tmp_path / name.replace(":", "-")
        Trainer(tiny(steps=ROUND_STEPS, learning={"optimizer": name}), folder).run()
        Trainer(tiny(steps=2 * ROUND_STEPS, learning={"optimizer": name}), folder).run(resume=True)
    assert loading.read_config(tmp_path / "my_rules-plain" / "config.toml").learning.optimizer == "my_rules:plain"
    assert_same_run(tmp_path / "my_rules-plain", tmp_path / "sgd")


def test_many_members_that_stop_are_one_notice(tmp_path, monkeypatch):
    monkeypatch.setattr("dsjax.training.trainer._MOST_NOTICES", 2)
    notes = Notes()
    trainer = Trainer(tiny(steps=ROUND_STEPS), tmp_path / "run", [notes])
    learning = trainer.params.learning
    trainer.params = trainer.params._replace(learning=learning._replace(learning_rate=np.full(3, np.inf, np.float32)))
    trainer.run()
    assert notes.texts == ["3 members stopped: their actions are not finite; events.jsonl names them"]
    assert (tmp_path / "run" / "events.jsonl").read_text().count('"member stopped"') == 3
