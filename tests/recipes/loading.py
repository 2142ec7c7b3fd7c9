"""A recipe as a module, for tests that call its functions without a process of their own."""

import contextlib
import importlib.util

from absl import flags

from tests.recipes.running import ROOT


@contextlib.contextmanager
def loaded(recipe):
    """Yields the module; its flags have their defaults, and are gone afterwards."""
    path = ROOT / "recipes" / f"{recipe}.py"
    spec = importlib.util.spec_from_file_location(f"{recipe}_recipe", path)
    module = importlib.util.module_from_spec(spec)
    before = set(flags.FLAGS)
    spec.loader.exec_module(module)
    parsed = flags.FLAGS.is_parsed()
    flags.FLAGS.mark_as_parsed()
    try:
        yield module
    finally:
        for name in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, name)
        if not parsed:
            flags.FLAGS.unparse_flags()
