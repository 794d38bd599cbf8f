"""One controller's episodes with all that went on inside it: recorded, saved, loaded.

An episode of n environment steps has n + 1 rows: one per observation, the reset's and the final one included, as
`controller.advance` is called. There is no acting on an episode's final observation: what only acting gives is nan in
that row.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np

from dsjax import controller, population
from dsjax.controller import TIME_STEP, Activity, ControllerParams, ControllerSpec
from dsjax.envs import bipedal, task
from dsjax.envs.bipedal import Episodes
from dsjax.envs.task import CONTACTS, SPEED, Mode, TerrainSet, moved, outcome_of
from dsjax.errors import RunError
from dsjax.evaluation import evaluate
from dsjax.evaluation.controllers import Controllers
from dsjax.oscillator import OscillatorParams
from dsjax.population import PopulationState
from dsjax.storage.atomic import write_whole

TERRAINS: TerrainSet = "test-v1"  # the set of terrains that are recorded on: nothing was selected on it


MODES = {
    "learning": "oscillating and learning",
    "oscillating": "oscillating, not learning",
    "centers": "frozen centers",
}


# Of a lone member: (state, terrain, age, observation, reward, starts, ends) -> (state, action, weights, activity).
_Step: TypeAlias = Callable[..., tuple[PopulationState, Any, Any, Activity]]


@dataclass(frozen=True)
class Recording:
    """Consecutive episodes of one controller: T rows, E episodes."""

    who: str  # what to call the controller, with its run, round and member if it is of a run
    run: str  # name of the run, or of the controller's file
    round: int  # of the snapshot
    member: int
    mode: str  # one of `Mode`: as in training; or without learning, acting with the weights, or with the centers
    terrains: str  # terrain set, one of envs.task.TERRAINS
    terrain: int  # index in the set of the first episode's terrain; each next episode runs on the next one
    oscillator: OscillatorParams
    target: float  # activity that the neurons' sensitivity adapts towards
    negative_half: bool  # whether the inputs for negative values carry them, see ControllerSpec
    untrained_center: np.ndarray  # (438,) where the centers were when the run began
    outcome: np.ndarray  # (E,) how each episode ended, as envs.task.outcome_of

    time: np.ndarray  # (T,) [ms] of controller time since the first reset; resetting takes none
    starts: np.ndarray  # (T,) bool, the observation comes from a reset
    ends: np.ndarray  # (T,) bool, the observation is an episode's last
    observation: np.ndarray  # (T, 24) as BipedalWalker gives it
    touching: np.ndarray  # (T, 2) bool, leg on the ground; the observation's contacts miss many, see `_touching`
    reward: np.ndarray  # (T,) that came with the observation; 0 where it starts
    modulator: np.ndarray  # (T,) what the synapses learned from, before acting; 0 if they did not
    action: np.ndarray  # (T, 4) in [-1, 1]; nan where it ends
    weight: np.ndarray  # (T, 438) that acted, layer by layer as in controller.LAYERS
    center: np.ndarray  # (T, 438) as of the same moment
    period: np.ndarray  # (T, 438) [ms] of the cycle that the weight is in; nan where weights have no cycles
    amplitude: np.ndarray  # (T, 438) of each weight's oscillation; 0 for one that does not swing
    sensitivity: np.ndarray  # (T, 8) of the neurons, after adapting
    activity: np.ndarray  # (T, 8) output of the neurons; nan where it ends
    current: np.ndarray  # (T, 2) input of the oscillators; nan where it ends
    v: np.ndarray  # (T, 2) of the oscillators, after their step
    w: np.ndarray  # (T, 2)

    @property
    def episodes(self) -> list[slice]:
        """The rows of each episode."""
        pairs = zip(np.flatnonzero(self.starts), np.flatnonzero(self.ends) + 1, strict=True)
        return [slice(int(first), int(end)) for first, end in pairs]

    @property
    def lengths(self) -> np.ndarray:
        """Environment steps of each episode, (E,)."""
        return np.array([rows.stop - rows.start - 1 for rows in self.episodes])

    @property
    def returns(self) -> np.ndarray:
        """Return of each episode, (E,)."""
        return np.array([self.reward[rows].sum() for rows in self.episodes])

    @property
    def title(self) -> str:
        """What was recorded, in two lines: the title of its figures."""
        count, terrain, result = len(self.outcome), f"terrain {self.terrain}", f"return {self.returns[0]:.1f}"
        ended = self.outcome[0]
        if count > 1:
            terrain = f"terrains {self.terrain} to {self.terrain + count - 1}"
            result = f"mean return {self.returns.mean():.1f}"
            ended = ", ".join(f"{number} {outcome}" for outcome, number in Counter(self.outcome.tolist()).items())
        return f"{self.who}, {MODES[self.mode]}\n{self.terrains}, {terrain}: {result} ({ended})"

    def crossings(self, index: int) -> np.ndarray:
        """Return the rows at which a synapse's weight crosses its center upwards, as `synapse.renew` defines it."""
        weight, center = self.weight[:, index], self.center[:, index]
        crossed = np.append(False, (weight[:-1] < center[1:]) & (weight[1:] >= center[1:]))
        if self.mode == "oscillating":
            crossed &= ~self.starts  # every episode starts at random phases: a jump, no crossing
        return np.flatnonzero(crossed)

    def save(self, path: Path) -> None:
        """Save everything as one npz file, whole or not at all, in a folder that is there."""
        arrays: Any = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

        def write(temporary: Path) -> None:
            with open(temporary, "wb") as file:
                np.savez_compressed(file, **arrays)

        write_whole(path, write)


def read_recording(path: Path) -> Recording:
    """Return a saved recording.

    Raises:
      RunError: an older dsjax recorded it, with one amplitude for all synapses.
    """
    with np.load(path) as arrays:
        values = {name: array if array.ndim else array.item() for name, array in arrays.items()}
    if values["amplitude"].shape != values["weight"].shape:
        raise RunError(f"{path}: recorded by an older dsjax, without each synapse's own amplitude; record it again")
    older = {  # what dsjax 0.2 did not write
        "who": "{run}, round {round}, member {member}".format(**values),
        "touching": values["observation"][:, CONTACTS] > 0,
    }
    return Recording(**older | values | {"oscillator": OscillatorParams(*values["oscillator"].tolist())})


def record(
    trained: Controllers, member: int, mode: Mode = "learning", terrain: int = 0, episodes: int = 1
) -> Recording:
    """Play consecutive episodes on one of gymnasium's own walkers, and return all that went on.

    In mode "learning" the controller continues exactly as in training, and each episode begins with what it learned in
    those before. The other modes are what `evaluation` does with the same weights, episode by episode.

    Args:
      trained: the controllers.
      member: which of them.
      mode: one of `Mode`.
      terrain: index in the set `TERRAINS` of the first episode's terrain.
      episodes: how many, each on the next terrain.

    Raises:
      RunError: there is no such member or terrain, or its action is not finite.
    """
    if terrain < 0:
        raise RunError(f"--terrain {terrain}: terrains are numbered from 0")
    if episodes < 1:
        raise RunError(f"--episodes {episodes}: at least 1 is needed")
    [member] = trained.members([member])
    config = trained.alone(member)
    params = config.population_params()
    step = _learner(config.spec(), params) if mode == "learning" else _performer(config.spec(), params, mode)
    own, of_kind = controller.synapse_params(config.params()), controller.kind(config.spec())
    amplitude = jax.jit(jax.vmap(lambda synapses: of_kind.amplitude(synapses, own)))
    state, rows, outcomes = population.select(trained.state, np.array([member])), [], []
    env = bipedal.make(config.environment.id)
    try:
        for number in range(terrain, terrain + episodes):
            state, episode, outcome = _play(env, number, step, amplitude, state)
            rows += episode
            outcomes.append(outcome)
    except FloatingPointError:
        raise RunError(f"{trained.folder}: member {member} cannot walk: its action is not finite") from None
    finally:
        env.close()
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return Recording(
        who=f"{trained.name}, round {trained.round}, member {member}" if trained.in_run() else trained.name,
        run=trained.name,
        round=trained.round,
        member=member,
        mode=mode,
        terrains=TERRAINS,
        terrain=terrain,
        oscillator=config.params().oscillator,
        target=config.neuron.target,
        negative_half=config.controller.negative_half,
        untrained_center=trained.untrained_centers()[member],
        outcome=np.array(outcomes),
        # All but an episode's first row take a step of time: a reset takes none.
        time=TIME_STEP * np.cumsum(~columns["starts"]),
        **columns,
    )


def _learner(spec: ControllerSpec, params: ControllerParams) -> _Step:
    """Return the step of a lone member's population that learns: training's own."""
    advance = jax.jit(partial(population.step, spec=spec, params=params))

    def step(state: PopulationState, terrain: Any, age: Any, *seen: Any) -> tuple[PopulationState, Any, Any, Activity]:
        state, action, activity = advance(state, *seen)
        return state, action, state.members.synapses.weight, activity

    return step


def _performer(spec: ControllerSpec, params: ControllerParams, mode: Mode) -> _Step:
    """Return the step of a lone member's population that only acts: evaluation's own."""
    oscillating = mode == "oscillating"

    def step(
        state: PopulationState, terrain: Any, age: Any, observation: Any, reward: Any, starts: Any, ends: Any
    ) -> tuple[PopulationState, Any, Any, Activity]:
        acted, action, activity = evaluate.step(
            state.key, terrain, age, state.members, observation, starts, params, spec, oscillating, TERRAINS
        )
        state = state if ends else state._replace(members=acted)
        weights = state.members.synapses.weight if oscillating else state.members.learning.average
        return state, action, weights, activity

    return step


def _play(
    env: Episodes, terrain: int, step: _Step, amplitude: Callable[[Any], Any], state: PopulationState
) -> tuple[PopulationState, list[dict], str]:
    """Play one episode; return the state after it, a row per observation, and the outcome.

    Raises:
      FloatingPointError: an action is not finite.
    """
    observation, _ = env.reset(seed=task.TERRAINS[TERRAINS] + terrain, options={})
    rows: list[dict] = []
    reward, terminated, over, way = 0.0, False, False, 0.0
    while True:
        seen = {"observation": observation, "reward": reward, "starts": not rows, "ends": over}
        state, action, weight, activity = step(state, *map(_alone, (terrain, len(rows), *seen.values())))
        swing = {"touching": _touching(env), "amplitude": np.asarray(amplitude(state.members.synapses))[0]}
        rows.append(seen | swing | _inside(state, action, weight, activity, over))
        if over:
            return state, rows, outcome_of(terminated, reward, way)
        if not (state.running[0] and np.isfinite(rows[-1]["action"]).all()):
            raise FloatingPointError
        observation, reward, terminated, truncated, _ = env.step(rows[-1]["action"])
        over, way = terminated or truncated, way + moved(observation[SPEED])


def _touching(env: Episodes) -> np.ndarray:
    """Return whether each leg is on the ground, (2,) bool.

    The observation says so too, but gymnasium ends a contact there as soon as the leg leaves one piece of the ground,
    though it may be on the next one: of a lower leg that lies on the ground, half of the contacts are missed.
    """
    walker: Any = env.unwrapped
    return np.array([any(edge.contact.touching for edge in leg.contacts) for leg in walker.legs[1::2]])


def _alone(value: Any) -> np.ndarray:
    """Return a lone member's value with the member axis of a population."""
    return np.array([value])


def _inside(state: PopulationState, action: Any, weight: Any, activity: Activity, ends: bool) -> dict[str, np.ndarray]:
    """Return what a row holds of the controller of a lone member's population."""
    synapses, oscillators = state.members.synapses, state.members.oscillators
    acting = {"action": action, "activity": activity.neurons, "current": activity.current}
    lasting = {
        "modulator": activity.modulator,
        "weight": weight,
        "center": synapses.center,
        "period": getattr(synapses, "period", np.full_like(synapses.center, np.nan)),
        "sensitivity": state.members.neurons.sensitivity,
        "v": oscillators.v,
        "w": oscillators.w,
    }
    row = {name: np.asarray(values)[0] for name, values in (acting | lasting).items()}
    return row | {name: np.full_like(row[name], np.nan) for name in acting if ends}
