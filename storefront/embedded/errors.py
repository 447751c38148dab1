"""Why an embedded server cannot run, said so that the reader knows what to do next."""


class EmbeddedFault(RuntimeError):
    """An embedded server cannot be started; the message says what to do."""


class FolderTaken(EmbeddedFault):
    """Another storefront runs on this state folder."""


class FolderUnreachable(EmbeddedFault):
    """The servers' account cannot enter the folder."""


class AccountMissing(EmbeddedFault):
    """Started as root, and there is no account to run the servers under."""


class BinariesMissing(EmbeddedFault):
    """The server's binaries are not installed for this platform."""


class ServerFailed(EmbeddedFault):
    """A server ended, or did not become ready; the message carries its last words."""
