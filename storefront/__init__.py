"""The roof: everything the outside touches. HTTP, callbacks, vendor adapters, simulators, the command line, the worker, migrations.

No business rule and no SQL of its own; it decodes, calls one verb, and encodes.
"""
