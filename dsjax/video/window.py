"""A walker in a window, until its episodes are over or the window is closed."""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # else pygame prints its version when it is imported

import pygame

from dsjax.errors import RunError
from dsjax.evaluation.controllers import Controllers
from dsjax.evaluation.score import play


class _Closed(Exception):
    """The window was closed."""


def show(trained: Controllers, member: int, episodes: int) -> dict[str, list] | None:
    """Show episodes of one member's frozen centers on the first terrains of test-v1, one after the other.

    Args:
      trained: the controllers.
      member: which of them.
      episodes: how many.

    Returns:
      The episodes as columns, as of `score.play`; None if the window was closed before they were over.

    Raises:
      RunError: the display cannot be reached.
    """
    named = False

    def each_step(done: float) -> None:
        nonlocal named
        if not named:
            # Where SDL reaches no display it draws to memory, without a word.
            if pygame.display.get_driver() == "offscreen" and "SDL_VIDEODRIVER" not in os.environ:
                raise pygame.error("the display cannot be reached")
            pygame.display.set_caption(f"{trained.called(member)} · test-v1")
            named = True
        if pygame.event.get(pygame.QUIT):
            raise _Closed

    try:
        return play(trained, [member], range(episodes), render=True, check=each_step)
    except _Closed:
        return None
    except pygame.error as error:
        raise RunError(f"no window: {error}") from None
