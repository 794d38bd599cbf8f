"""What a training tells whoever watches it. `display` shows it, `mirror` hands it on to TensorBoard."""

from contextlib import ExitStack


class Watch:
    """Watches a training, and ignores it all; a context manager, as those that do not may have something to close."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def begun(self, trainer) -> None:
        """Hear that a run begins, or goes on from the snapshot of round `trainer.saved`."""

    def tick(self, trainer, tick: int) -> None:
        """Hear of every step of the vector env in a training round; `trainer` knows of the rounds before it."""

    def evaluating(self, trainer) -> None:
        """Called at every step of an evaluation."""

    def round_done(self, trainer) -> None:
        """Hear that a round is over, with its evaluation."""

    def notice(self, text: str) -> None:
        """Hear of something the user should know."""


class Watches(Watch):
    """Several that watch one training: each hears of everything, in their order, until one raises."""

    def __init__(self, *watches: Watch):
        self._watches = watches
        self._entered = ExitStack()

    def __enter__(self):
        with ExitStack() as entered:
            for watch in self._watches:
                entered.enter_context(watch)
            self._entered = entered.pop_all()
        return self

    def __exit__(self, *error):
        return self._entered.__exit__(*error)

    def begun(self, trainer):
        """Tell all of the beginning."""
        for watch in self._watches:
            watch.begun(trainer)

    def tick(self, trainer, tick):
        """Tell all of a step."""
        for watch in self._watches:
            watch.tick(trainer, tick)

    def evaluating(self, trainer):
        """Tell all of a step of an evaluation."""
        for watch in self._watches:
            watch.evaluating(trainer)

    def round_done(self, trainer):
        """Tell all of a round's end."""
        for watch in self._watches:
            watch.round_done(trainer)

    def notice(self, text):
        """Tell all what the user should know."""
        for watch in self._watches:
            watch.notice(text)
