"""The other commands: found lazily, explained, and refusing in words."""

import json
import os
import subprocess
import sys
import tomllib

import msgspec
import pytest
from click.testing import CliRunner

from storefront.cli.brand_file import camel
from storefront.cli.home import (
    announce,
    kept_keys,
    running_environment,
    settings_for_command,
    withdraw_announcement,
)
from storefront.cli.main import LAZY, storefront
from storefront.cli.running import Running, Wanted
from storefront.gate import CHECKS
from tenants.commands import CreateTenant


@pytest.fixture
def environment(settings, monkeypatch, tmp_path):
    """The environment of somebody who runs commands against this process's database."""
    for name in [
        name for name in os.environ if name.startswith(("DATABASE", "REDIS", "STOREFRONT", "WECHAT"))
    ]:
        monkeypatch.delenv(name)
    given = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_WORKER_URL": settings.database_worker_url,
        "DATABASE_ADMIN_URL": settings.database_admin_url,
        "REDIS_URL": settings.redis_url,
        "STOREFRONT_MASTER_KEYS": settings.storefront_master_keys,
        "STOREFRONT_TOKEN_KEY": settings.storefront_token_key,
        "STOREFRONT_HOME": str(tmp_path),
        "STOREFRONT_PUBLIC_URL": "https://shop.example",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def run(*arguments):
    return CliRunner().invoke(storefront, list(arguments))


def test_help_lists_the_commands_without_importing_them():
    code = "import sys; from storefront.cli.main import storefront; storefront(['--help'], standalone_mode=False);"
    code += "print(sorted({'litestar', 'sqlalchemy', 'asyncpg', 'granian'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(name in said for name in ("up", "serve", "work", "migrate", "seed", "doctor", "simulate"))
    assert said.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", LAZY)
def test_every_listed_command_explains_itself(name):
    if name not in storefront.list_commands(None):
        pytest.skip(f"{name} is not part of this installation yet")
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_an_unknown_command_is_refused():
    assert run("fly").exit_code == 2


def test_migrate_prints_the_roles_without_a_database():
    shown = run("migrate", "--print-roles")
    assert "CREATE ROLE app_rw" in shown.output


def test_migrate_brings_the_database_to_the_newest_revision_and_finds_it_equal_to_the_models(environment):
    assert "is at revision" in run("migrate").output
    shown = run("migrate", "--check")
    assert (shown.exit_code, shown.output.strip()) == (0, "the database is what the models say")


def test_migrate_without_a_database_says_which_variable_is_missing(environment):
    environment.delenv("DATABASE_ADMIN_URL")
    shown = run("migrate")
    assert shown.exit_code == 1
    assert "DATABASE_ADMIN_URL" in shown.output


def test_doctor_finds_nothing_where_all_is_well(environment):
    environment.setenv("WECHAT_PAY_URL", "http://127.0.0.1:1")
    shown = run("doctor")
    assert shown.exit_code == 0, shown.output
    assert "all well" in shown.output
    assert all(f"database as app_rw: {check}" in shown.output for check in CHECKS)


def test_doctor_says_each_fault_and_its_fix(environment, settings):
    environment.setenv("DATABASE_URL", settings.database_admin_url)
    environment.setenv("REDIS_URL", "unix:///nowhere/valkey.sock")
    environment.setenv("STOREFRONT_TOKEN_KEY", "c2hvcnQ=")
    environment.delenv("DATABASE_WORKER_URL")
    environment.delenv("STOREFRONT_PUBLIC_URL")
    shown = run("doctor")
    assert shown.exit_code == 1
    for line in ("may bypass row-level security", "Redis cannot be reached", "at least 32 bytes",
                 "DATABASE_WORKER_URL is not set", "over https only"):  # fmt: skip
        assert line in shown.output
    assert "fix: connect as app_rw" in shown.output


@pytest.mark.parametrize("command", ["serve", "work"])
def test_production_commands_refuse_to_pass_a_closed_gate(environment, settings, command):
    environment.setenv("DATABASE_URL", settings.database_admin_url)
    environment.setenv("DATABASE_WORKER_URL", settings.database_admin_url)
    shown = run(command)
    assert shown.exit_code == 1
    assert "refusing to serve" in shown.output


def test_seed_refuses_to_register_demonstration_merchants_with_the_real_wechat(environment):
    shown = run("seed")
    assert shown.exit_code == 1
    assert "simulator only" in shown.output


def test_keys_are_made_once_and_kept_private(tmp_path):
    keys = kept_keys(tmp_path)
    assert kept_keys(tmp_path) == keys
    assert oct((tmp_path / "keys.json").stat().st_mode & 0o777) == "0o600"


def test_a_command_finds_a_running_up_by_its_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    announce(tmp_path, {"DATABASE_URL": "postgresql+asyncpg://app_rw@/noted"})
    assert settings_for_command(tmp_path).database_url == "postgresql+asyncpg://app_rw@/noted"
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://app_rw@/given")
    assert settings_for_command(tmp_path).database_url == "postgresql+asyncpg://app_rw@/given"
    withdraw_announcement(tmp_path)
    assert running_environment(tmp_path) == {}


def test_an_up_that_is_refused_leaves_the_note_of_the_one_that_runs(tmp_path):
    other = json.dumps({"pid": os.getppid(), "environment": {"DATABASE_URL": "x"}})
    (tmp_path / "running.json").write_text(other)
    wanted = Wanted(tmp_path, "127.0.0.1", 1, 2, 3, demo=False)
    Running(wanted, {}).stop()
    assert (tmp_path / "running.json").read_text() == other


@pytest.mark.parametrize(
    "command",
    [
        ["import", "malls", "{file}", "--tenant", "x"], ["tenant", "list"], ["jobs", "list"], ["seed"],
        ["settle", "verify", "--all"],
    ],
)  # fmt: skip
def test_without_a_database_a_command_names_the_data_folder(environment, tmp_path, command):
    environment.delenv("DATABASE_URL")
    (tmp_path / "malls.csv").write_text("code,name\n")
    arguments = [each.format(file=tmp_path / "malls.csv") for each in command]
    shown = run(*arguments, "--data", str(tmp_path))
    assert shown.exit_code == 1
    assert all(word in shown.output for word in ("--data", "STOREFRONT_HOME", "DATABASE_URL")), shown.output


def test_the_example_of_a_brand_is_a_whole_command(tmp_path):
    given = tomllib.loads(run("tenant", "example").output)
    assert camel(given).keys() == {"code", "name", "appid", "appSecret", "merchant"}
    given["app_secret"] = given["merchant"]["api_v3_key"] = "x" * 32
    assert msgspec.convert(camel(given), CreateTenant).code == "river-wear"


def test_a_mistake_in_a_brands_file_is_named_as_the_file_names_it(tmp_path):
    start = 'code = "a-b"\nname = "x"\nappid = "wx0123456789"\napp_secret = "x-secret-x"\n'
    (tmp_path / "brand.toml").write_text(start + "[merchant]\nfee_bps = 60\n")
    assert (
        "field `merchant_no` - at `$.merchant`"
        in run("tenant", "create", str(tmp_path / "brand.toml")).output
    )
    whole = run("tenant", "example").output.replace('"1900000001"', '"none"').replace('"…"', f'"{"x" * 32}"')
    (tmp_path / "brand.toml").write_text(whole)
    shown = run("tenant", "create", str(tmp_path / "brand.toml")).output
    assert "`$.merchant.merchant_no`" in shown
    assert "tenant example" in shown


BRAND = 'code = "a-b"\nname = "x"\nappid = "wx0123456789"\napp_secret = "x-secret-x"\n'
WRONG = {
    "a text for a table": ('merchant = "text"', "Expected `object`, got `str` - at `$.merchant`"),
    "a number for a table": ("merchant = 5", "Expected `object`, got `int` - at `$.merchant`"),
    "a list for a table": ("merchant = [1]", "Expected `object`, got `array` - at `$.merchant`"),
    "a list of tables": ("[[merchant]]\nfee_bps = 1", "Expected `object`, got `array` - at `$.merchant`"),
    "a date for a text": ("time_zone = 2026-01-01", "got `date` - at `$.time_zone`"),
    "a text for a number": ('platform_fee_bps = "1"', "got `str` - at `$.platform_fee_bps`"),
    "a text for a partner": ('[merchant]\npartner = "x"', "at `$.merchant.partner`"),
    "a text for keys": ('[merchant]\nwechat_public_keys = "x"', "at `$.merchant.wechat_public_keys`"),
    "a table for a corp's id": ("[wecom]\ncorp_id = {}", "at `$.wecom.corp_id`"),
    "an unknown field": ('nickname = "x"', "unknown field `nickname`"),
    "both spellings": ('[merchant]\nmerchant_no = "1"\nmerchantNo = "2"', "`merchantNo` is given twice"),
    "a NUL": ('time_zone = "a\\u0000"', "NUL"),
    "no TOML": ("[merchant", "brand.toml"),
}


@pytest.mark.parametrize("what", WRONG)
def test_whatever_has_the_wrong_type_in_a_brands_file_is_refused_in_a_sentence(tmp_path, what):
    line, sentence = WRONG[what]
    (tmp_path / "brand.toml").write_text(BRAND + line + "\n")
    shown = run("tenant", "create", str(tmp_path / "brand.toml"))
    assert shown.exit_code == 1
    assert isinstance(shown.exception, SystemExit), shown.exception
    assert sentence in shown.output
    assert "Traceback" not in shown.output


def test_a_file_that_is_no_text_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "brand.toml").write_bytes(b"\xff\xfe\x00")
    shown = run("tenant", "create", str(tmp_path / "brand.toml"))
    assert (shown.exit_code, isinstance(shown.exception, SystemExit)) == (1, True)


def test_the_note_of_an_up_that_is_gone_is_not_followed(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "running.json").write_text(
        json.dumps({"pid": gone.pid, "environment": {"DATABASE_URL": "x"}})
    )
    assert running_environment(tmp_path) == {}
