"""The house rules that no linter knows: budgets, names, purity, who reads the clock, the environment, the database."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("tenants", "catalog", "guides", "orders", "settlement", "storefront", "scripts")
KERNEL = {
    "ids",
    "money",
    "errors",
    "tables",
    "scope",
    "outbox",
    "idempotency",
    "encryption",
    "paging",
    "__init__",
}
KERNEL_BUDGET, MODULE_BUDGET, TEST_BUDGET, FUNCTION_BUDGET, ROUTE_BUDGET = 250, 400, 600, 50, 15
POSITIONAL = 2
VERBS_OF_HTTP = {"get", "post", "put", "delete", "asgi", "route"}
PURE = (
    "tenants/kernel/money.py", "tenants/hours.py", "tenants/hours_text.py", "tenants/levels.py", "tenants/ownership.py", "catalog/resolve.py",
    "catalog/layers.py", "catalog/components.py", "guides/attribution.py", "guides/commission.py", "orders/amounts.py",
    "orders/states.py", "orders/funding.py", "orders/bases.py", "settlement/posting/beside.py", "settlement/split.py",
    "settlement/splitting/amounts.py", "settlement/splitting/states.py", "settlement/terms.py", "settlement/agreements/agreed.py",
    "settlement/calendar.py", "settlement/true_ups/period_terms.py", "settlement/true_ups/stretches.py", "settlement/reconciliation/matching.py",
    "settlement/sheets/tax.py", "settlement/signing/states.py", "settlement/disputes/states.py", "settlement/payouts/states.py",
)  # fmt: skip
FORBIDDEN_WORDS = {
    "manager", "managers", "helper", "helpers", "util", "utils", "service", "services", "handler", "handlers", "processor",
    "data", "info", "do", "process", "misc", "common",
}  # fmt: skip
SAID_BY_OTHERS = {
    "STORE_MANAGER",
    "exception_handlers",
    "exception_handler",
    "own_handlers",
    "asgi_handler",
    "do_orm_execute",
}
"""Names that a framework or the merchant's own language gives."""
SHAPED_BY_OTHERS = {
    "storefront/cli/settle_form.py:convert",
    "storefront/frame.py:render",
    "storefront/observability.py:keep_named_fields",
}
"""Functions whose arguments a framework passes by position."""
SQL_IN_THE_ROOF = {
    "storefront/health.py",
    "storefront/worker.py",
    "storefront/gate.py",
    "storefront/provision.py",
}
READS_THE_ENVIRONMENT = {"storefront/settings.py"}
GIVES_AN_ENVIRONMENT = {"storefront/cli", "storefront/embedded"}
"""Where processes are started: they hand an environment on, and read none of our settings from it."""
CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}


def modules(*places: str) -> Iterator[Path]:
    for place in places:
        yield from sorted(path for path in (ROOT / place).rglob("*.py") if "versions" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_every_top_level_package_has_a_floor() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} == set(FLOORS)


def test_the_kernel_is_a_closed_list_of_short_modules() -> None:
    kernel = {path.stem: path for path in (ROOT / "tenants/kernel").glob("*.py")}
    assert set(kernel) == KERNEL
    assert {name: length(path) for name, path in kernel.items() if length(path) > KERNEL_BUDGET} == {}


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_modules_stay_within_their_budget() -> None:
    assert {named(path): length(path) for path in modules(*FLOORS) if length(path) > MODULE_BUDGET} == {}
    assert {named(path): length(path) for path in modules("tests") if length(path) > TEST_BUDGET} == {}


def size(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body, the docstring left out: saying what a function is for must cost nothing."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_route(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    called = (node.func for node in function.decorator_list if isinstance(node, ast.Call))
    return any(isinstance(name, ast.Name) and name.id in VERBS_OF_HTTP for name in called)


def test_functions_stay_within_their_budget() -> None:
    long = [
        f"{named(path)}:{function.name} {size(function)}"
        for path in modules(*FLOORS)
        for function in functions(path)
        if size(function) > (ROUTE_BUDGET if is_route(function) else FUNCTION_BUDGET)
    ]
    assert long == []


def test_no_function_takes_more_than_two_positional_arguments() -> None:
    greedy = []
    for path in modules(*(floor for floor in FLOORS if floor != "scripts")):
        routes = {function.name for function in functions(path) if is_route(function)}
        for function in functions(path):
            taken = [
                each
                for each in function.args.args + function.args.posonlyargs
                if each.arg not in {"self", "cls"}
            ]
            if (
                len(taken) > POSITIONAL
                and function.name not in routes
                and not function.name.startswith(("_", "provide"))
            ):
                greedy.append(f"{named(path)}:{function.name}")
    assert set(greedy) - SHAPED_BY_OTHERS == set()


def test_no_name_hides_behind_an_empty_word() -> None:
    empty = []
    for path in modules(*FLOORS):
        found = {path.stem} | {node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)}
        found |= {function.name for function in functions(path)}
        empty += [
            f"{named(path)}: {name}" for name in found - SAID_BY_OTHERS if words(name) & FORBIDDEN_WORDS
        ]
    assert empty == []


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_meets_neither_clock_nor_chance_nor_database(name: str) -> None:
    path = ROOT / name
    assert not [node for node in ast.walk(tree(path)) if isinstance(node, ast.Await | ast.AsyncFunctionDef)]
    assert not {
        module
        for module in imported(path)
        if module.split(".")[0] in {"sqlalchemy", "asyncpg", "random", "os", "time"}
    }
    assert clock_reads(path) == []


def clock_reads(path: Path) -> list[str]:
    return [
        f"{named(path)}:{node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "time"}
    ]


def test_below_the_roof_nobody_reads_the_clock() -> None:
    floors = [
        path for path in modules(*FLOORS[:5]) if named(path) != "tenants/kernel/ids.py"
    ]  # an id holds its time of making
    assert [read for path in floors for read in clock_reads(path)] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        named(path)
        for path in modules(*FLOORS)
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr == "environ")
        or (isinstance(node, ast.Name) and node.id == "getenv")
    }
    strangers = {
        name for name in readers - READS_THE_ENVIRONMENT if not name.startswith(tuple(GIVES_AN_ENVIRONMENT))
    }
    assert strangers == set()


def test_the_roof_holds_no_sql() -> None:
    speaking = {
        named(path)
        for path in modules("storefront")
        if {"sqlalchemy.text", "sqlalchemy.select", "sqlalchemy.insert", "sqlalchemy.update", "asyncpg"}
        & imported(path)
    }
    allowed = {
        name for name in speaking if name in SQL_IN_THE_ROOF or name.startswith("storefront/migrations/")
    }
    assert speaking - allowed == set()


def test_models_are_private_to_their_package() -> None:
    borrowed = []
    for path in modules(*FLOORS):
        floor = named(path).split("/")[0]
        others = {f"{each}.models" for each in FLOORS if each != floor}
        if named(path) != "storefront/migrations/metadata.py":
            borrowed += [f"{named(path)} imports {module}" for module in imported(path) & others]
    assert borrowed == []


def test_nobody_swallows_an_exception_unseen() -> None:
    bare = []
    for path in modules(*FLOORS):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
                )
                if node.type is None or (broad and not named(path).startswith(("storefront/", "scripts/"))):
                    bare.append(f"{named(path)}:{node.lineno}")
    assert bare == []


def test_every_module_says_what_it_is_for() -> None:
    assert [named(path) for path in modules(*FLOORS) if not ast.get_docstring(tree(path))] == []


def test_a_packages_init_holds_its_docstring_and_nothing_else() -> None:
    busy = [
        named(path) for path in modules(*FLOORS) if path.name == "__init__.py" and len(tree(path).body) > 1
    ]
    assert busy == []


def test_nothing_is_left_for_later_without_a_number() -> None:
    left = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
    me = Path(__file__)
    assert [
        named(path)
        for path in modules(*FLOORS, "tests")
        if path != me and left.search(path.read_text(encoding="utf-8"))
    ] == []
