"""Tables of sweeps for the terminal: what is planned, and what became of it."""

import textwrap
from pathlib import Path

from rich.table import Table

from dsjax.analysis.formats import count, duration, interval, number, shorten
from dsjax.cli.terminal import PlainTable
from dsjax.sweeps import jobs
from dsjax.sweeps.estimate import Estimate
from dsjax.sweeps.plan import Plan
from dsjax.sweeps.results import SweepResults, effect_rows, label, point_rows, value_label

_VALUES = 28  # letters on a line of a point's values


def plan_table(plan: Plan) -> Table:
    """Return the table of a plan: one row per job."""
    rows = sum(job.config.rows for job in plan.jobs)
    points = sum(len(job.points) for job in plan.jobs)
    beside = f"; {count(plan.repeats, 'sample repeats', 'samples repeat')} earlier ones" if plan.repeats else ""
    table = PlainTable(f"{count(points, 'point')} in {count(len(plan.jobs), 'job')}, {count(rows, 'member')}{beside}")
    for name in ("job", "members", "points"):
        table.add_column(name, justify="right" if name == "members" else "left", overflow="fold")
    for job in plan.jobs:
        listing = "\n".join(f"{point}: {label(plan, point)}" for point in job.points)
        table.add_row(job.name, str(job.config.rows), listing)
    return table


def estimate_line(found: Estimate) -> str:
    """Return what a plan will take, in words."""
    return (
        f"About {duration(3600 * found.hours)} on this machine, {count(found.side_by_side, 'job')} at a time: "
        f"a job trains at {found.training:,.0f} steps/s and evaluates at {found.evaluation:,.0f}."
    )


def unfinished_table(plan: Plan, sweep: Path) -> Table | None:
    """Return the table of the jobs that are not finished, and why; None if all are."""
    table = PlainTable(f"{sweep}\njobs that are not finished")
    for name in ("job", "failed", "why"):
        table.add_column(name, overflow="fold")
    for job in plan.jobs:
        found = jobs.status(job, sweep)
        reason = {"begun": "interrupted; can continue", "waiting": "not begun"}.get(found["state"], found.get("error"))
        if found["state"] != "finished":
            if holder := jobs.holder(job, sweep):
                reason = f"trained by {holder}"
            table.add_row(job.name, count(found.get("attempts", 0), "time"), reason)
    return table if table.rows else None


def stopped_lines(plan: Plan, sweep: Path) -> list[str]:
    """Return a line on each member of a finished job that was stopped, as its values were not finite."""
    return [
        f"{job.name}: point {job.points[row // job.config.members]}, member {row % job.config.members} "
        "was stopped, as its action was not finite"
        for job in plan.jobs
        for row in jobs.status(job, sweep).get("stopped", [])
    ]


def result_tables(results: SweepResults) -> list[Table]:
    """Return the tables of what a sweep found: points, best first, and the main effect of each swept key.

    Numbers are IQMs over members with their 95 % bootstrap intervals; "difference" is from the first value of the key,
    member by member, as a member has the same initial state and terrains at every point.
    """
    points = PlainTable(f"{results.folder}\n{results.measure()}, IQM over members")
    effects = PlainTable("main effects: IQM over members\nof their means over all else that is swept")
    for table, text, numbers in (
        (points, "values", ("point", "IQM", "95 %", "learning", "falls")),
        (effects, "value", ("IQM", "95 %", "difference", "95 %")),
    ):
        table.add_column(text, overflow="fold")
        for name in numbers:
            table.add_column(name, justify="right", no_wrap=True)
    for row in point_rows(results):
        points.add_row(
            textwrap.fill(label(results.plan, row["point"]), _VALUES, max_lines=3, placeholder="…"),
            str(row["point"]), number(row["iqm"]),
            interval(row["low"], row["high"]), number(row["training_iqm"]), number(row["fall_rate"], ".0%"),
        )  # fmt: skip
    for row in effect_rows(results) if results.is_grid() else ():
        first = row["value"] == value_label(results.values(row["key"])[0])  # from which the others differ
        low, high = row["difference_low"], row["difference_high"]
        difference = number(row["difference_iqm"], "+.1f"), interval(low, high, "+.1f")
        effects.add_row(
            shorten(f"{row['key'].split('.')[-1].replace('_', ' ')}: {row['value']}", _VALUES), number(row["iqm"]),
            interval(row["low"], row["high"]), *(("", "") if first else difference),
        )  # fmt: skip
    return [points, effects] if effects.rows else [points]
