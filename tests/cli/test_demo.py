import re
import shlex

from helpers import ROOT, files, run_command
from PIL import Image

from dsjax.cli.train import parse_train
from dsjax.config.loading import read_config
from dsjax.config.shipped import find_config


def test_the_demo_shows_what_changed_and_what_to_do_next(tmp_path):
    run = tmp_path / "demo"
    status, output = run_command("demo", "--steps", 600, "--output", run)
    assert status == 0, output
    assert "three minutes" in output.split("Returns:")[0]  # said before anything is trained
    for text in ("return, best member", "episodes that end in a fall", "untrained", "steps"):
        assert text in output
    [film] = (run / "videos").glob("*.gif")
    with Image.open(film) as picture:
        assert picture.n_frames > 50  # eight seconds, the untrained walker's beside the trained one's
        assert picture.width > 2 * picture.height
    assert f"Film    {film}" in output and f"Figure  {run / 'figures' / 'frozen-steps.png'}" in output
    following = re.findall(r"^  (.*dsjax.* \w+ .*|.*python.*)$", output.split("Next:")[1], flags=re.MULTILINE)
    assert len(following) == 5
    again = next(shlex.split(line) for line in following if "--resume" in line)
    command = parse_train(again[again.index("--output") :])
    assert (command.settings.steps, command.resume) == (1200, True)
    assert {"config.toml", "evaluations", "figures", "videos"} <= {path.split("/")[0] for path in files(run)}


def test_the_demo_and_the_lesson_have_the_rule_that_their_files_name():
    names = "demo", "teach", ROOT / "configs" / "experiments" / "best_of_four.toml"
    demo, teach, rule = (read_config(find_config(name)) for name in names)
    assert (demo.spec(), demo.params()) == (rule.spec(), rule.params()) == (teach.spec(), teach.params())
