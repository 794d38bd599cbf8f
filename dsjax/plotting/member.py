"""The progress of one member over its training."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dsjax.analysis.formats import shorten
from dsjax.analysis.members import Member
from dsjax.analysis.stats import trailing_mean
from dsjax.envs.task import SOLVED_EPISODES
from dsjax.plotting.legends import legend, solved_line
from dsjax.plotting.style import WIDTH, group_color, letters, steps_axis, styled

_FEW = 20  # rounds, below which each is a dot


@styled
def progress(member: Member, *, width: float = WIDTH) -> Figure:
    """Draw one member's training: returns, lengths, amplitude, sensitivity and drift of the centers, over steps."""
    figure = Figure(figsize=(width, 0.9 * width + 2.2))
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[3, 1.2, 1, 1, 1])
    episodes, color = member.episodes, group_color(0)
    fell = episodes["outcome"] == "fell"
    handles = []
    for chosen, shade, label in ((~fell, group_color(5), "did not fall"), (fell, group_color(1), "fell")):
        handles.append(Line2D([], [], color=shade, marker=".", markersize=4, linestyle="", label=label))
        for axis, name in zip(axes, ("return", "length"), strict=False):
            axis.scatter(
                episodes["step"][chosen], episodes[name][chosen],
                s=3, color=shade, alpha=0.35, linewidth=0, rasterized=True,
            )  # fmt: skip
    mean = trailing_mean(episodes["return"], SOLVED_EPISODES)
    axes[0].plot(
        episodes["step"], mean, color="black", linewidth=1.6, label=f"mean of the last {SOLVED_EPISODES}, learning"
    )
    evaluations = member.evaluations
    axes[0].plot(
        evaluations["step"], evaluations["return"],
        "D-", color=group_color(2), markersize=3, linewidth=1, label="frozen centers, held-out terrains",
    )  # fmt: skip
    solved = solved_line(axes[0], always=True)
    dots = "." if len(member.rounds["step"]) < _FEW else ""  # of a single round there is no line
    for axis, name in zip(axes[2:], ("amplitude", "sensitivity", "drift"), strict=True):
        axis.plot(member.rounds["step"], member.rounds[name], color=color, linewidth=1.5, marker=dots)
    labels = ("return", "length [steps]", "amplitude", "mean\nsensitivity", "drift of centers\n(rms)")
    for axis, label in zip(axes, labels, strict=True):
        axis.set_ylabel(label)
    axes[-1].set_xlabel("environment steps of this member")
    steps_axis(axes[-1].xaxis)
    figure.align_ylabels(axes)
    state = "" if member.running else ", stopped: not finite"
    figure.suptitle(
        f"{shorten(member.run.name, letters(0.8 * width, width))}, member {member.index}\n"
        f"{member.trained('step'):,} steps, {member.trained('episode'):,} episodes{state}"
    )
    legend(figure, [*handles, *axes[0].get_legend_handles_labels()[0], *solved], width)
    return figure
