"""Hold lessons until Ctrl-C: the page in this thread, the training of each lesson in another."""

import asyncio
import webbrowser
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Thread

from dsjax.config.schema import Config
from dsjax.errors import ConfigError
from dsjax.teaching.lesson import Lesson
from dsjax.teaching.server import Classroom, serving
from dsjax.teaching.view import View
from dsjax.teaching.walkers import TaughtWalkers, Teacher
from dsjax.training.callbacks import Callback
from dsjax.training.runtime import signals
from dsjax.training.trainer import Trainer

_PATIENCE = 0.1  # [s] until the thread of the page looks whether all is over


class TaughtTrainer(Trainer):
    """The training of one member by a teacher, who also says when it is over."""

    def __init__(self, config: Config, folder: Path, teacher: Teacher, callbacks: Sequence[Callback] = ()) -> None:
        """Prepare a run; `run` trains."""
        super().__init__(config, folder, callbacks, make_walkers=lambda config, render: TaughtWalkers(config, teacher))
        self._teacher = teacher

    def finished(self) -> bool:
        """Return whether the teacher has ended it, or a limit of the config is reached."""
        return self._teacher.over or super().finished()


class Notices(Callback):
    """Callback that hands on what the user should read."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def on_notice(self, text: str) -> None:
        """Hand on a line."""
        self._say(text)


def taught_config(config: Config) -> Config:
    """Return the config of a run that can be taught: saved after every round, on a walker that can be drawn.

    Raises:
      ConfigError: it has several members.
    """
    if config.rows != 1:
        raise ConfigError(f"--members {config.rows}: one walker is taught at a time; use --members 1")
    return replace(
        config,
        environment=replace(config.environment, backend="sync"),
        snapshots=replace(config.snapshots, every=1),
        evaluation=replace(config.evaluation, every=0),  # a person does not wait for it
    )


async def hold(
    config: Config, folder: Path, resume: bool, number: int | None, port: int, browser: bool,
    say: Callable[[str], None],
) -> list[Path]:  # fmt: skip
    """Hold lessons until SIGINT or SIGTERM comes or a limit of the config is reached.

    Args:
      config: as from `taught_config`.
      folder: of the run; when a person begins again, the next one is FOLDER-2.
      resume: continue the run in the folder.
      number: of the snapshot to resume from; the latest if None.
      port: to serve the page at.
      browser: open the page.
      say: told what the user should read.

    Returns:
      The folders of all lessons, each an ordinary run.

    Raises:
      ConfigError: the port cannot be had, or the run to resume has another config.
      RunError: the folder cannot be used, or somebody trains there.
    """
    folders = [folder]
    classroom = Classroom(Lesson(View(config)), str(folder))
    with signals() as came, ThreadPoolExecutor(1, "dsjax-lesson") as threads:
        async with serving(classroom, port) as address:
            while True:
                lesson = classroom.lesson
                trainer = TaughtTrainer(config, folders[-1], lesson, [Notices(say)])
                training = threads.submit(trainer.run, resume, number)
                try:
                    while not (training.done() or came or lesson.view.picture):
                        await asyncio.sleep(_PATIENCE)
                    if lesson.view.picture and len(folders) == 1:  # only now is it certain that the folder can be used
                        say(f"{address}  (Ctrl-C saves and ends it)")
                        if browser:
                            # Some browsers return only when they are closed.
                            Thread(target=webbrowser.open, args=(address,), daemon=True).start()
                    while not (training.done() or came):
                        await asyncio.sleep(_PATIENCE)
                finally:
                    lesson.end(again=lesson.again)
                try:
                    await asyncio.wrap_future(training)
                except BaseException:
                    lesson.close("failed")
                    raise
                if not trainer.trained:
                    say(f"{folders[-1]} is finished: {trainer.limit()}")
                lesson.close("again" if lesson.again and not came else "over")
                if lesson.ending == "over":
                    return folders
                resume, number = False, None
                folders.append(_next_folder(folder))
                say(f"{folders[-2]} is saved; begun again in {folders[-1]}")
                classroom.folder, classroom.lesson = str(folders[-1]), Lesson(View(config))


def _next_folder(folder: Path) -> Path:
    """Return FOLDER-2, or the first number whose folder is not there yet."""
    names = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(name for name in names if not name.exists())
