"""Recipes as a user starts them: as programs, from any folder."""

import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]


def start(recipe, folder, *flags):
    """A process that runs the recipe in a folder, on the CPU."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, str(ROOT / "recipes" / f"{recipe}.py"), *flags],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(recipe, folder, *flags):
    """(exit code, what was printed) of the recipe run to its end, within 5 minutes."""
    process = start(recipe, folder, *flags)
    try:
        output, _ = process.communicate(timeout=300)
    finally:
        process.kill()
    return process.returncode, output


def run_and_kill(recipe, folder, *flags, when):
    """Starts the recipe, and kills it (kill -9) as soon as `when()` is true, before it ends."""
    process = start(recipe, folder, *flags)
    try:
        while process.poll() is None and not when():
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
