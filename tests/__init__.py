"""The tests. Whatever is imported after this line is compiled once a run."""

from tests.support.bytecode import compile_once

compile_once()
