"""The `storefront` command. Each subcommand is a module that is imported only when it is called; none decides anything of its own."""
