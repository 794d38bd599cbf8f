"""The host loop: rounds of environment steps, then evaluate, record, snapshot.

A round is a pure function of what the snapshot before it holds and of the config: every member begins new episodes on
terrains seeded by (run seed, member, round). That is why a run that was killed and resumed equals one that was not.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Any

import jax
import numpy as np

from dsjax import config as configs
from dsjax import locks, records, selection, snapshot, synapse
from dsjax.beginning import beginning, first_centers, restored, untrained
from dsjax.config import Config
from dsjax.environment import choose, make_vector
from dsjax.errors import Interrupted, RunError, explain_os_error
from dsjax.evaluation import evaluate
from dsjax.rounds import play, round_seeds, training_step
from dsjax.runtime import computing, signals
from dsjax.snapshot import Snapshots
from dsjax.tally import SOLVED_EPISODES, SOLVED_RETURN, Tally
from dsjax.watch import Watch
from dsjax.workers import WorkerDied

_ATTEMPTS = 3  # at a round whose env workers die


class Trainer:
    """One run in one folder."""

    def __init__(self, config: Config, folder: Path, watch: Watch | None = None, render: int | None = None):
        self.config, self.folder = config, Path(folder)
        self.watch = watch or Watch()
        self.render = render
        self.spec = config.spec()
        self.params = config.population_params()
        self.tally = Tally(config.rows)
        self.state = untrained(config)
        self._first_centers = np.asarray(self.state.members.synapses.center)
        self._step = training_step(self.spec)
        self.saved: int | None = None  # round of the last snapshot
        self.trained = False  # whether a round was trained in this session
        self._stopped: Any = ()  # members that stopped in the last round
        self._signals: list[Signals] = []  # that asked the run to stop
        self._snapshots: Any = None  # while it runs
        self._envs: Any = None  # to train on
        self._held_out: Any = None  # to evaluate on

    def run(self, resume: bool = False, number: int | None = None) -> None:
        """Train until a limit of the config is reached.

        Args:
          resume: continue from a snapshot in the folder, instead of starting a run in a new one. What the config says
            of limits, and all else that may change, holds from now on, and is stored.
          number: of the snapshot to resume from; the latest if None. All that the run recorded after it is deleted.

        Raises:
          RunError: the folder or a snapshot cannot be used, another process trains the run, or the disk fails; nothing
            already saved is lost.
          ConfigError: the run to resume has another config.
          Interrupted: SIGINT or SIGTERM came; what was saved can be resumed.
        """
        self.config = self._with_backend(resume)
        try:
            if not resume:
                records.refuse_taken(self.folder)
                records.make_folder(self.folder)
            with locks.hold(self.folder / records.LOCK, str(self.folder)):
                self._run_alone(resume, number)
        except OSError as error:
            raise RunError(explain_os_error(error, self.folder, "then continue with --resume")) from error

    def _run_alone(self, resume, number):
        """Train while no other process does."""
        changes = self._take_folder(resume)
        self._snapshots = snapshots = Snapshots(self.folder, self.config.snapshots.keep_every, training=True)
        try:
            # They end the run after the step in progress; a second one ends it at once.
            with signals() as self._signals:
                if resume:
                    self._restore(snapshots, number)
                self._begin_session(changes)
                self.watch.begun(self)
                if resume and self.saved is not None and self.finished():
                    return
                self._open_envs()
                if self.saved is None:
                    self._begin(snapshots)
                while not self.finished():
                    self._round(snapshots)
                snapshots.wait()
        finally:
            self._close_envs()
            snapshots.close()

    def _take_folder(self, resume):
        """Prepare the folder for a session; return what the config changes of a run that is resumed."""
        if resume:
            changes = configs.changes(configs.load(self.folder / "config.toml"), self.config, self.folder)
            records.clear_temporaries(self.folder)
        else:
            changes = {}
            records.refuse_taken(self.folder)  # again: another process may have been first
            records.write_text(self.folder / "config.toml", configs.to_toml(self.config))
        return changes

    def _begin_session(self, changes):
        """Record the session: its command, and what it does otherwise than the one before, which holds from now on."""
        if changes:
            records.write_text(self.folder / "config.toml", configs.to_toml(self.config))
            stated = {key: list(values) for key, values in changes.items()}
            records.add_event(self.folder, "config changed", round=int(self.tally.rounds), changes=stated)
        for name, (before, now) in records.add_session(self.folder, records.command_line(), computing()).items():
            records.add_event(self.folder, "computed otherwise", what=name, before=before, now=now)
            self.watch.notice(f"{name} was {before} and is {now} now: from here on the bits may be others")

    def settle(self):
        """Wait until all that is done is on the disk, and nothing is being written or deleted."""
        self._snapshots.wait()

    def active(self):
        """Return which members go on training, (N,) bool: those finite, below the limit of episodes, and not done."""
        limit = self.config.episodes or np.inf
        return np.asarray(self.state.running) & (self.tally.completed < limit) & ~self.done()

    def done(self):
        """Return which members rest because their frozen centers are solved, (N,) bool."""
        return self.config.rest_when_solved & (self.tally.frozen_solved_step >= 0)

    def finished(self):
        """Return whether a limit of the config has been reached."""
        if self.config.steps and self.tally.ticks >= self.config.steps:
            return True
        solved = self.config.until_solved and bool(self.tally.solved().all())
        return solved or not self.active().any()

    def limit(self):
        """Return why a finished run is, in words."""
        if self.config.steps and self.tally.ticks >= self.config.steps:
            return f"steps = {self.config.steps} are done"
        if self.config.until_solved and self.tally.solved().all():
            return "every member is solved"
        if self.config.episodes and (self.tally.completed >= self.config.episodes).all():
            return f"every member has completed episodes = {self.config.episodes}"
        return "no member is left to train: each is stopped, solved or at its limit of episodes"

    def fraction(self, tick=0):
        """Return how much of the run is done, at a tick of the present round, by the limit nearest, in [0, 1]."""
        steps = (self.tally.ticks + tick) / self.config.steps if self.config.steps else 0.0
        active = self.active()
        completed = self.tally.completed[active].min() if active.any() else 0
        return max(steps, completed / self.config.episodes if self.config.episodes else 0.0)

    def amplitude(self):
        """Return each member's amplitude, (N,), as of the last round."""
        return np.asarray(jax.vmap(synapse.amplitude)(self.state.members.synapses, self.params.synapse))

    def evaluated(self):
        """Return whether the last round, or the untrained population before the first, is one with an evaluation."""
        every = self.config.evaluation.every
        return every > 0 and (self.tally.rounds % every == 0 or self.finished())

    def member_columns(self):
        """Return the columns of `members`, as of the last round."""
        members = self.config.rows
        with np.errstate(over="ignore", invalid="ignore"):  # a stopped member's centers may be anything
            moved = np.asarray(self.state.members.synapses.center) - self._first_centers
            drift = np.sqrt((moved**2).mean(axis=1))
        return {
            "round": [int(self.tally.rounds)] * members,
            "member": np.arange(members),
            "step": self.tally.steps,
            "episodes": self.tally.completed,
            "amplitude": self.amplitude(),
            "sensitivity": np.asarray(self.state.members.neurons.sensitivity).mean(axis=1),
            "drift": drift,
            "running": np.asarray(self.state.running),
            "training_solved_episode": self.tally.training_solved_episode,
            "training_solved_step": self.tally.training_solved_step,
            "frozen_solved_episode": self.tally.frozen_solved_episode,
            "frozen_solved_step": self.tally.frozen_solved_step,
        }

    def _with_backend(self, resume):
        """Return the config with the backend that "auto" means here; the run must keep its physics wherever it goes."""
        environment, members = self.config.environment, self.config.rows
        backend = environment.backend
        # A stored "auto" is gymnasium's, from before there was EnvPool's.
        gymnasium_only = resume or self.render is not None
        try:
            if resume and backend == "auto":
                backend = configs.load(self.folder / "config.toml").environment.backend
            backend = choose(backend, members, environment.workers or None, gymnasium_only)
        except ValueError as error:
            raise RunError(str(error)) from None
        if backend == "envpool" and self.render is not None:
            raise RunError("--render: EnvPool shows no window; train with --backend sync, or use evaluate.py --render")
        return replace(self.config, environment=replace(environment, backend=backend))

    def _open_envs(self):
        environment = self.config.environment
        self._envs = make_vector(
            environment.id, self.config.rows, environment.backend, environment.workers or None, self.render
        )

    def _evaluation_envs(self):
        """Return envs with gymnasium's own physics, made when first needed if training has other ones."""
        environment = self.config.environment
        if environment.backend != "envpool":
            return self._envs
        if self._held_out is None:
            workers = environment.workers or None
            backend = choose("auto", self.config.rows, workers, gymnasium_only=True)
            self._held_out = make_vector(environment.id, self.config.rows, backend, workers)
        return self._held_out

    def _close_envs(self):
        for envs in (self._envs, self._held_out):
            if envs is not None:
                envs.close()
        self._envs = self._held_out = None

    def _restore(self, snapshots, number):
        there = snapshots.numbers()
        if number is None and not there:  # killed before the first snapshot: the run begins again
            records.discard_after(self.folder, -1)
            return
        number = there[-1] if number is None else number
        arrays = snapshots.load(number)
        self.state = restored(self.config, arrays)
        self.params = selection.with_numbers(self.params, selection.restored(self.config, arrays))
        self.tally.restore(arrays)
        self._first_centers = first_centers(self.config, self.folder)
        if number < there[-1]:
            records.add_event(self.folder, "rewound", round=number, before=there[-1])
        # In this order a kill leaves a snapshot only with all rounds before it.
        snapshots.discard_after(number)
        records.discard_after(self.folder, number)
        self.saved = number

    def _begin(self, snapshots):
        """Record and save the population that has not trained yet, as round 0."""
        self.state = beginning(self.config)
        self._first_centers = np.asarray(self.state.members.synapses.center)
        tables = self._retrying(self._evaluate) if self.evaluated() else {}
        self._write(snapshots, tables, save=True)

    def _round(self, snapshots):
        tables = self._retrying(self._compute_round)
        self.trained = True
        self._name_stopped()
        due = self.tally.rounds % self.config.snapshots.every == 0
        self._write(snapshots, tables, save=due or self.finished())

    def _compute_round(self):
        """Train one round, select and evaluate if it is time; return the tables to write."""
        active = self.active()
        number = int(self.tally.rounds) + 1
        left = self.config.steps - self.tally.ticks if self.config.steps else np.inf
        ticks = int(min(self.config.round_steps, left))
        seeds = round_seeds(self.config.seed, number, self.config.identities(), active)
        self.state = play(self._step, self.state, self.params, self._envs, seeds, ticks, self.tally, self._check)
        tables = {"episodes": self.tally.end_round(number)}
        self.tally.rounds += 1
        self.tally.ticks += ticks
        self._stopped = np.flatnonzero(active & ~np.asarray(self.state.running))
        self.tally.stopped_round[self._stopped] = self.tally.rounds
        if selection.due(self.config, number):
            tables |= self._select(number)
        # After selection: what is evaluated and recorded of a round is what its snapshot holds.
        if self.evaluated():
            tables |= self._evaluate()
        return tables | {"members": self.member_columns()}

    def _select(self, number):
        """Let members that lag go on as copies of better ones; return the table."""
        score = self.tally.training_return()
        self.state, self.params, source, lineage = selection.select(self.config, number, score, self.state, self.params)
        self.tally.succeeded(source)
        return {"selections": lineage}

    def _evaluate(self):
        """Evaluate the frozen centers; return the table. Members good enough to be solved meet all 100 terrains."""
        members = np.flatnonzero(np.asarray(self.state.running))
        if not len(members):
            return {}
        check = partial(self._check, -1)
        play_frozen = partial(evaluate, self._evaluation_envs(), self.state, self.spec, self.params, check=check)
        columns = play_frozen(members, range(self.config.evaluation.episodes))
        # Those that are done have met all terrains: they stay as they were.
        undecided = members[~self.done()[members]]
        promising = [m for m in undecided if _returns_of(columns, m).mean() >= SOLVED_RETURN]
        further = range(self.config.evaluation.episodes, SOLVED_EPISODES)
        if promising and further:
            more = play_frozen(promising, further)
            columns = {name: [*columns[name], *more[name]] for name in columns}
        for member in members:
            self.tally.evaluated(member, _returns_of(columns, member))
        number = int(self.tally.rounds)
        about = {"round": number, "weights": "centers", "terrains": "validation-v1"}
        rows = len(columns["member"])
        steps = self.tally.steps[columns["member"]]
        return {"evaluations": {name: [value] * rows for name, value in about.items()} | {"step": steps} | columns}

    def _name_stopped(self):
        """Record the members that stopped in the last round: once it is done, as a round may be computed again."""
        for member in self._stopped:
            step = int(self.tally.steps[member])
            records.add_event(self.folder, "member stopped", member=int(member), step=step)
            self.watch.notice(
                f"member {member} stopped after {step} steps: its action is not finite; the others continue"
            )

    def _write(self, snapshots, tables, save):
        for name, columns in tables.items():
            records.write_table(self.folder, name, int(self.tally.rounds), columns)
        if save:
            frozen = self.tally.frozen_return[np.asarray(self.state.running)]
            evaluated = "evaluations" in tables and len(frozen)
            whole = snapshot.flatten(self.state) | self.tally.arrays() | selection.arrays(self.config, self.params)
            snapshots.save(int(self.tally.rounds), whole, float(np.median(frozen)) if evaluated else None)
            self.saved = int(self.tally.rounds)
        self.watch.round_done(self)

    def _retrying(self, compute):
        """Return compute(), begun again from the same state if env workers die."""
        state, params, counts = self.state, self.params, self.tally.arrays()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return compute()
            except WorkerDied as error:
                self._check(-1)  # a signal to the whole process group may have ended the worker too
                records.add_event(self.folder, "worker died", reason=str(error), attempt=attempt)
                self.watch.notice(f"{error}; restarting round {int(counts['tally.rounds']) + 1}")
                self.state, self.params = state, params
                self.tally.restore(counts)
                self._close_envs()
                self._open_envs()
        raise RunError(f"env workers died {_ATTEMPTS} times in one round; see {self.folder / 'events.jsonl'}")

    def _check(self, tick):
        if self._signals:
            records.add_event(self.folder, "interrupted", signal=self._signals[0].name)
            raise Interrupted(self._signals[0].name)
        if tick >= 0:
            self.watch.tick(self, tick)
        else:
            self.watch.evaluating(self)


def _returns_of(columns, member):
    return np.asarray(columns["return"])[np.asarray(columns["member"]) == member]
