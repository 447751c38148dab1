"""One place for the compiled program while the tests run, where the environment wants none written beside the sources.

Two processes of tests and some eighty commands that they start would otherwise each compile the program, its libraries and pytest's own
assertions anew: two to six seconds of processor time each. The folder is thrown away at the end.
"""

import atexit
import os
import shutil
import sys
import tempfile


def compile_once() -> None:
    """Keep bytecode in a folder of this run; the processes started from here inherit it."""
    if not sys.dont_write_bytecode or sys.pycache_prefix is not None:
        return
    folder = tempfile.mkdtemp(prefix="storefront-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
