from conftest import run_script

from dsjax.benchmark import BenchmarkCommand, measure


def test_all_three_are_measured_on_every_repeat():
    measurement = measure(BenchmarkCommand(seconds=0.1, repeats=2), "sync", 2)
    for speeds in (measurement.random, measurement.replay, measurement.training):
        assert len(speeds) == 2
        assert min(speeds) > 0


def test_the_script_prints_a_table():
    status, output = run_script("benchmark.py", "--members", 1, "--seconds", 0.1, "--repeats", 1)
    assert status == 0, output
    assert "/random" in output
    assert output.splitlines()[-2].split()[:2] == ["1", "auto"]
