"""The training loop: rounds of environment steps, then select, evaluate, record and snapshot.

A round is a pure function of what the snapshot before it holds and of the config: every member begins new episodes on
terrains seeded by (run seed, member, round). That is why a run that was killed and resumed equals one that was not.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Any

import jax
import numpy as np

from dsjax.config.schema import Config
from dsjax.controller import kind
from dsjax.envs.processes import WorkerDied
from dsjax.errors import Interrupted, RunError, explain_os_error
from dsjax.storage import hyperparameters, locks
from dsjax.storage.atomic import LOCK, make_folder, refuse_taken
from dsjax.storage.branching import initial_state
from dsjax.storage.metadata import write_before
from dsjax.storage.snapshots import flatten
from dsjax.storage.states import first_centers, restored, untrained
from dsjax.training import pbt, restart
from dsjax.training.backend import retrying, settle_backend
from dsjax.training.callbacks import Callback, RunStatus
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.rollout import round_seeds
from dsjax.training.run_writer import RunWriter
from dsjax.training.runtime import signals
from dsjax.training.validation import validate
from dsjax.training.walkers import Walkers, make_walkers

_MOST_NOTICES = 8  # of members that stopped in one round; more are one line


class Trainer:
    """One run in one folder."""

    def __init__(
        self, config: Config, folder: Path, callbacks: Sequence[Callback] = (), render: int | None = None,
        make_walkers: Callable[[Config, int | None], Walkers] = make_walkers,
    ) -> None:  # fmt: skip
        """Prepare a run; `run` trains.

        Args:
          config: of the run.
          folder: to keep it in.
          callbacks: told of the run, in their order.
          render: row to show in a window; None shows none.
          make_walkers: (config with a backend that is settled, render) -> the walkers to train on.
        """
        self.config, self.folder = config, Path(folder)
        self.callbacks = list(callbacks)
        self.params = config.population_params()
        self.state = untrained(config)
        self.stats = EpisodeStats(config.rows)
        self.saved: int | None = None  # round of the last snapshot
        self.trained = False  # whether a round was trained in this session
        self._started, self._evaluating = time.monotonic(), 0.0  # [s] of this session; in evaluations
        self._render, self._make_walkers = render, make_walkers
        self._first_centers = np.asarray(self.state.members.synapses.center)
        self._signals: list[Signals] = []  # that asked the run to stop
        self._stopped = np.empty(0, int)  # members that stopped in the last round
        self._restarted = np.zeros(config.rows, bool)  # whether members started over after the last round
        self._status: Any = None  # as of the end of the last round
        self._writer: Any = None  # while it runs, like the walkers
        self._walkers: Any = None

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
        self.config = settle_backend(self.config, self.folder, resume, self._render)
        try:
            if not resume:
                refuse_taken(self.folder)
                make_folder(self.folder)
            with locks.hold(self.folder / LOCK, str(self.folder)), ExitStack() as opened:
                self._writer = RunWriter(self.config, self.folder, resume)
                opened.callback(self._writer.close)
                self._walkers = self._make_walkers(self.config, self._render)
                opened.callback(self._walkers.close)
                # Signals end the run after the step in progress; a second one ends it at once.
                self._signals = opened.enter_context(signals())
                for callback in self.callbacks:
                    opened.enter_context(callback)
                self._train(resume, number)
        except OSError as error:
            raise RunError(explain_os_error(error, self.folder, "then continue with --resume")) from error

    def settle(self) -> None:
        """Wait until all that is done is on the disk, and nothing is being written or deleted."""
        self._writer.settle()

    def active(self) -> np.ndarray:
        """Return which members train on, (N,) bool: those finite, below the limit of episodes, and not paused."""
        limit = self.config.episodes or np.inf
        return np.asarray(self.state.running) & (self.stats.completed < limit) & ~self.paused()

    def paused(self) -> np.ndarray:
        """Return which members are paused because their frozen centers are solved, (N,) bool."""
        return self.config.rest_when_solved & (self.stats.frozen_solved_step >= 0)

    def finished(self) -> bool:
        """Return whether a limit of the config has been reached."""
        if self.config.steps and self.stats.ticks >= self.config.steps:
            return True
        solved = self.config.until_solved and bool(self.stats.solved().all())
        return solved or not self.active().any()

    def limit(self) -> str:
        """Return which limit a finished run has reached, in words."""
        if self.config.steps and self.stats.ticks >= self.config.steps:
            return f"steps = {self.config.steps} are done"
        if self.config.until_solved and self.stats.solved().all():
            return "every member is solved"
        if self.config.episodes and (self.stats.completed >= self.config.episodes).all():
            return f"every member has completed episodes = {self.config.episodes}"
        return "no member is left to train: each is stopped, solved or at its limit of episodes"

    def status(self, members: dict[str, Any] | None = None) -> RunStatus:
        """Return how the run stands at the end of the last round.

        Args:
          members: the round's columns of `members`, if they are known already.
        """
        members = members or self._member_columns()
        seconds = time.monotonic() - self._started
        return RunStatus(
            self.config, self.folder, self.saved, self._evaluated(), self.active(), members, self.stats, seconds,
            self._evaluating,
        )  # fmt: skip

    def _train(self, resume: bool, number: int | None) -> None:
        if resume:
            self._restore(number)
        for notice in self._writer.begin_session(int(self.stats.rounds)):
            self._notice(notice)
        self._tell(Callback.on_start, self.status())
        if resume and self.saved is not None and self.finished():
            return
        self._walkers.open()
        if self.saved is None:
            self._begin()
        while not self.finished():
            self._round()
        self.settle()

    def _restore(self, number: int | None) -> None:
        """Take on the state of a snapshot."""
        found = self._writer.load(number)
        if found is None:
            return
        self.saved, arrays = found
        self.state = restored(self.config, arrays)
        self.params = hyperparameters.replaced(self.params, hyperparameters.restored(self.config, arrays))
        self.stats.restore(arrays)
        self._first_centers = first_centers(self.config, self.folder, self.stats.restarts)
        self._writer.rewind(self.saved)

    def _begin(self) -> None:
        """Record and save the population that has not trained yet, as round 0."""
        self.state, before = initial_state(self.config)
        if before:
            write_before(self.folder, before)
        self._first_centers = np.asarray(self.state.members.synapses.center)
        self._write(self._retrying(self._validate) if self._evaluated() else {}, save=True)

    def _round(self) -> None:
        tables = self._retrying(self._compute_round)
        self.trained = True
        # Once the round is done, as it may be computed again.
        for notice in [*self._stops(), *self._restarts()]:
            self._notice(notice)
        due = self.stats.rounds % self.config.snapshots.every == 0
        self._write(tables, save=due or self.finished())

    def _stops(self) -> list[str]:
        """Record which members stopped in the round just done; return what to tell of it."""
        notices = []
        for member in self._stopped.tolist():
            step = int(self.stats.steps[member])
            self._writer.event("member stopped", member=member, step=step)
            notices.append(f"member {member} stopped after {step} steps: its action is not finite; the others continue")
        return _few(notices, "members stopped: their actions are not finite")

    def _restarts(self) -> list[str]:
        """Record which members start over after the round just done; return what to tell of it."""
        notices = []
        for member in np.flatnonzero(self._restarted).tolist():
            step, times = int(self.stats.steps[member]), int(self.stats.restarts[member])
            self._writer.event("member starts over", member=member, step=step, restarts=times)
            notices.append(f"member {member} starts over after {step} steps: its gait is poor")
        return _few(notices, "members start over: their gaits are poor")

    def _compute_round(self) -> dict[str, dict[str, Any]]:
        """Train one round, select and evaluate if it is time; return the tables to write."""
        active, number = self.active(), int(self.stats.rounds) + 1
        left = self.config.steps - self.stats.ticks if self.config.steps else np.inf
        ticks = int(min(self.config.round_steps, left))
        seeds = round_seeds(self.config.seed, number, self.config.identities(), active)
        self.state, ticks = self._walkers.play(self.state, self.params, seeds, ticks, self.stats, self._check)
        tables = {"episodes": self.stats.end_round(number), **self._walkers.tables(number)}
        self.stats.rounds += 1
        self.stats.ticks += ticks
        self._stopped = np.flatnonzero(active & ~np.asarray(self.state.running))
        self.stats.stopped_round[self._stopped] = self.stats.rounds
        if pbt.due(self.config, number):
            tables |= self._select(number)
        self._start_over()
        # After selection: what is evaluated and recorded of a round is what its snapshot holds.
        if self._evaluated():
            tables |= self._validate()
        return tables | {"members": self._member_columns()}

    def _select(self, number: int) -> dict[str, dict[str, Any]]:
        """Replace members that lag by copies of better ones; return the table."""
        score = self.stats.training_return()
        self.state, self.params, source, lineage = pbt.select(self.config, number, score, self.state, self.params)
        self.stats.reset_replaced(source)
        return {"selections": lineage}

    def _start_over(self) -> None:
        """Let members begin again that found a poor gait."""
        self._restarted = restart.due(self.config, self.stats, self.active())
        if self._restarted.any():
            self.stats.count_restarts(self._restarted)
            self.state = restart.renewed(self.config, self.state, self.stats.restarts, self._restarted)
            begun = np.asarray(self.state.members.synapses.center)
            self._first_centers = np.where(self._restarted[:, None], begun, self._first_centers)

    def _evaluated(self) -> bool:
        """Return whether the last round, or the untrained population before the first, is one with an evaluation."""
        every = self.config.evaluation.every
        return every > 0 and (self.stats.rounds % every == 0 or self.finished())

    def _validate(self) -> dict[str, dict[str, Any]]:
        """Evaluate the frozen centers; return the table."""
        started = time.monotonic()
        columns = validate(
            partial(self._walkers.evaluate, self.state, self.params, check=self._check_evaluation),
            np.asarray(self.state.running), self.stats, self.config.evaluation.episodes, self._walkers.terrains,
        )  # fmt: skip
        self._evaluating += time.monotonic() - started
        return {"evaluations": columns} if columns else {}

    def _member_columns(self) -> dict[str, Any]:
        """Return the columns of `members`, as of the last round."""
        members, stats = self.state.members, self.stats
        amplitude = kind(self.config.spec()).amplitude
        with np.errstate(over="ignore", invalid="ignore"):  # a stopped member's centers may be anything
            moved = np.asarray(members.synapses.center) - self._first_centers
            drift = np.sqrt((moved**2).mean(axis=1))
        return {
            "round": [int(stats.rounds)] * self.config.rows,
            "member": np.arange(self.config.rows),
            "step": stats.steps,
            "episodes": stats.completed,
            "amplitude": np.asarray(jax.vmap(amplitude)(members.synapses, self.params.synapse)),
            "sensitivity": np.asarray(members.neurons.sensitivity).mean(axis=1),
            "drift": drift,
            "running": np.asarray(self.state.running),
            "training_solved_episode": stats.training_solved_episode,
            "training_solved_step": stats.training_solved_step,
            "frozen_solved_episode": stats.frozen_solved_episode,
            "frozen_solved_step": stats.frozen_solved_step,
        }

    def _write(self, tables: dict[str, dict[str, Any]], save: bool) -> None:
        number = int(self.stats.rounds)
        self._writer.write(number, tables)
        if save:
            frozen = self.stats.frozen_return[np.asarray(self.state.running)]
            ranked = float(np.median(frozen)) if "evaluations" in tables and len(frozen) else None
            own = hyperparameters.arrays(self.config, self.params)
            self._writer.save(number, flatten(self.state) | self.stats.arrays() | own, ranked)
            self.saved = number
        self._tell(Callback.on_round_end, self.status(tables.get("members")))

    def _retrying(self, compute: Callable[[], Any]) -> Any:
        """Return compute(), begun again from the same state if env workers die."""
        state, params, counts = self.state, self.params, self.stats.arrays()

        def recover(error: WorkerDied, attempt: int) -> None:
            self._stop_if_asked()  # a signal to the whole process group may have ended the worker too
            self._writer.event("worker died", reason=str(error), attempt=attempt)
            self.state, self.params = state, params
            self.stats.restore(counts)
            self._notice(f"{error}; restarting round {int(self.stats.rounds) + 1}")
            self._walkers.close()

        return retrying(compute, recover)

    def _check(self, tick: int) -> None:
        """Tell of a tick of a round, and stop if asked to."""
        self._stop_if_asked()
        for callback in self.callbacks:
            callback.on_step(self._status, tick)

    def _check_evaluation(self, done: float) -> None:
        """Tell of a step of an evaluation, of which a share is done, and stop if asked to."""
        self._stop_if_asked()
        for callback in self.callbacks:
            callback.on_evaluation_step(self._status, done)

    def _stop_if_asked(self) -> None:
        """Raise Interrupted if a signal came."""
        if self._signals:
            self._writer.event("interrupted", signal=self._signals[0].name)
            raise Interrupted(self._signals[0].name)

    def _tell(self, what: Callable[[Callback, RunStatus], None], status: RunStatus) -> None:
        """Call a method of every callback with how the run stands now."""
        self._status = status
        for callback in self.callbacks:
            getattr(callback, what.__name__)(self._status)

    def _notice(self, text: str) -> None:
        for callback in self.callbacks:
            callback.on_notice(text)


def _few(notices: list[str], together: str) -> list[str]:
    """Return notices of single members, or one of all of them if they are many."""
    return notices if len(notices) <= _MOST_NOTICES else [f"{len(notices)} {together}; events.jsonl names them"]
