"""What every column of every table means, with its unit: a run's Parquet files, and the CSV files of `compare`."""

_INDEX = {
    "round": "round after which it was recorded; 0 is before training",
    "member": "row of the member in its run, from 0",
    "step": "steps that the member had trained for [environment steps]",
}
_EPISODE = {
    "length": "length of the episode [environment steps]",
    "return": "sum of the episode's rewards",
    "outcome": "how the episode ended: fell, retreated (walked back past the start), finished (reached the end), "
    "timeout (1,600 steps), cut (by the end of a round)",
}
_SOLVED = {
    "training_solved_episode": "episodes completed when the official rule was first met: a mean of 300 over 100 "
    "consecutive training episodes; -1: not yet",
    "training_solved_step": "steps trained when the official rule was first met [environment steps]; -1: not yet",
    "frozen_solved_episode": "episodes completed when the frozen centers first had a mean of 300 over 100 held-out "
    "terrains; -1: not yet",
    "frozen_solved_step": "steps trained when they first had it [environment steps]; -1: not yet",
}
_INSIDE = {
    "amplitude": "mean amplitude of the synapses' oscillation, in units of a weight",
    "sensitivity": "mean sensitivity of the layer-2 neurons",
    "drift": "root mean square distance of the centers from where they started",
}
_INTERVAL = {"low": "lower end of its 95 % bootstrap interval", "high": "upper end of its 95 % bootstrap interval"}

COLUMNS: dict[str, dict[str, str]] = {
    # In the run's folder.
    "episodes": {
        **_INDEX,
        "step": "steps that the member had trained for when the episode ended [environment steps]",
        "episode": "number of the member's episode, from 0; cut ones count",
        **_EPISODE,
    },
    "evaluations": {
        **_INDEX,
        "weights": "what acted: centers (frozen) or oscillating (weights that oscillate and do not learn)",
        "terrains": "set of terrains: test-v1 for reports; validation-v1 in training, or validation-jax-v1: the set of "
        "the JAX walkers, on which large populations of the jax backend are evaluated",
        "terrain": "index of the terrain in its set",
        **_EPISODE,
    },
    "members": {
        **_INDEX,
        "episodes": "completed training episodes",
        **_INSIDE,
        "running": "false once the member was stopped, as its action was not finite",
        **_SOLVED,
    },
    "lessons": {
        "round": "round that a person taught",
        "tick": "step of the round, from 0, resets included",
        "given": "reward that the person gave for the step",
        "with_task": "whether the task's reward was added to it; false: it replaced the task's",
    },
    "selections": {
        "round": "round after which members were replaced",
        "member": "row of the member that was replaced",
        "parent": "row of the member that it became a copy of",
        "score": "mean return of the replaced member's last training episodes; -inf: it had none",
        "parent_score": "the same of the parent",
        "key": "hyperparameter that was changed, as section.key",
        "before": "its value in the parent, in the hyperparameter's unit",
        "after": "its value in the copy",
    },
    # Written by `compare`.
    "members.csv": {
        "group": "name of the member's group",
        "run": "run folder",
        "seed": "seed of the run",
        "member": "row of the member in its run, from 0",
        "identity": "index that its random numbers follow from; the same at every point of a sweep",
        "running": "false if the member was stopped, as its action was not finite",
        "steps": "steps trained since the seed began, a branch's parents included [environment steps]",
        "episodes": "completed training episodes",
        "training_mean": "mean return of the last 100 training episodes: of the oscillating, learning controller",
        "frozen_mean": "mean return of the frozen centers over the last evaluation's or the score's terrains",
        "frozen_std": "standard deviation of these returns over terrains (n - 1)",
        "frozen_worst": "lowest of these returns",
        "frozen_episodes": "number of these terrains",
        "terrains": "set of these terrains",
        "fall_rate": "share of these episodes that ended in a fall, 0 to 1",
        **_INSIDE,
        **_SOLVED,
    },
    "groups.csv": {
        "group": "name of the group",
        "members": "number of members; none is left out",
        "stopped": "members that were stopped, as their action was not finite",
        "evaluated": "members whose frozen centers were evaluated",
        "terrains": "set of terrains of the frozen returns",
        "median_steps": "median over members of the steps trained since the seed began [environment steps]",
        "median_episodes": "median over members of the completed training episodes",
        "training_iqm": "interquartile mean over members of training_mean",
        **{f"training_iqm_{end}": text for end, text in _INTERVAL.items()},
        "frozen_mean": "mean over members of frozen_mean",
        "frozen_iqm": "interquartile mean over members of frozen_mean",
        **{f"frozen_iqm_{end}": text for end, text in _INTERVAL.items()},
        "frozen_worst": "lowest frozen_mean of a member",
        "frozen_best": "highest frozen_mean of a member",
        "fall_rate": "mean over members of fall_rate, 0 to 1",
        **{
            name: text.format(rule)
            for kind, rule in (("training", "the official rule"), ("frozen", "the frozen-center rule"))
            for name, text in (
                (f"{kind}_solved", "members solved by {}"),
                (f"{kind}_solved_low", "lower end of Wilson's 95 % interval of their share, 0 to 1"),
                (f"{kind}_solved_high", "upper end of Wilson's 95 % interval of their share, 0 to 1"),
                (f"{kind}_solved_median_steps", "steps by which half are solved by {} (Kaplan-Meier); inf: never"),
                (
                    f"{kind}_solved_median_episodes",
                    "episodes by which half are solved by {} (Kaplan-Meier); inf: never",
                ),
            )
        },
    },
    "pairs.csv": {
        "first": "name of a group",
        "second": "name of another group",
        "probability": "probability that a member of the first has a higher frozen_mean than one of the second",
        **_INTERVAL,
    },
    "differences.csv": {
        "key": "config key in which groups differ; a column for each group has its value",
    },
    "points.csv": {
        "rank": "place by iqm, 1 is the best",
        "point": "number of the point in the sweep",
        "members": "number of members",
        "stopped": "members that were stopped, as their action was not finite",
        "iqm": "interquartile mean over members of frozen_mean",
        **_INTERVAL,
        "worst": "lowest frozen_mean of a member",
        "best": "highest frozen_mean of a member",
        "training_iqm": "interquartile mean over members of training_mean",
        "fall_rate": "mean over members of fall_rate, 0 to 1",
        "solved": "members solved by the frozen-center rule",
    },
    "effects.csv": {
        "key": "swept hyperparameter, as section.key",
        "value": "one of its values",
        "iqm": "interquartile mean over members of their mean frozen_mean at all points with this value",
        **_INTERVAL,
        "difference_iqm": "interquartile mean over members of the difference from the key's first value, member by "
        "member",
        **{f"difference_{end}": text for end, text in _INTERVAL.items()},
    },
}
