"""Access tokens: of mini-programs (two kinds) and of WeCom's applications, for two hours, and how a call shows one."""

from datetime import timedelta

from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini.parcels import MiniRefusal
from storefront.simulators.wechat_mini.records import AccessToken

LIVES = timedelta(seconds=7200)
OVERLAP = timedelta(minutes=5)
INVALID, NO_TOKEN, EXPIRED, BAD_APPID, BAD_SECRET, BAD_GRANT = 40001, 41001, 42001, 40013, 40125, 40002


def check_secret(simulation: Simulation, given: dict[str, str]) -> str:
    """Check appid and secret; returns the appid."""
    if given.get("grant_type") != "client_credential":
        raise MiniRefusal(BAD_GRANT, "invalid grant_type")
    app = simulation.state.apps.get(given.get("appid", ""))
    if app is None:
        raise MiniRefusal(BAD_APPID, "invalid appid")
    if given.get("secret") != app.secret:
        raise MiniRefusal(BAD_SECRET, "invalid appsecret")
    return app.appid


def new_token(simulation: Simulation, holder: str) -> dict[str, object]:
    """Give a new token; the one before it ends within five minutes."""
    now, tokens = simulation.clock.now(), simulation.state.tokens
    for token in tokens.values():
        if token.holder == holder and not token.stable:
            token.expires_at = min(token.expires_at, now + OVERLAP)
    return _given(_made(simulation, holder, stable=False), LIVES)


def stable_token(simulation: Simulation, holder: str, *, forced: bool) -> dict[str, object]:
    """Give the same token until it ends, or a new one at once where that is forced."""
    now = simulation.clock.now()
    for text, token in simulation.state.tokens.items():
        if (token.holder, token.stable) == (holder, True) and token.expires_at > now:
            if not forced:
                return _given(text, token.expires_at - now)
            token.expires_at = now
    return _given(_made(simulation, holder, stable=True), LIVES)


def _made(simulation: Simulation, holder: str, *, stable: bool) -> str:
    text = simulation.draw("token")
    simulation.state.tokens[text] = AccessToken(holder, simulation.clock.now() + LIVES, stable)
    return text


def _given(text: str, lives: timedelta) -> dict[str, object]:
    return {"access_token": text, "expires_in": int(lives.total_seconds())}


def holder_of(simulation: Simulation, text: str | None) -> str:
    """Whose token this is; refuses one that is missing, unknown or ended."""
    if not text:
        raise MiniRefusal(NO_TOKEN, "access_token missing")
    token = simulation.state.tokens.get(text)
    if token is None:
        raise MiniRefusal(INVALID, "invalid credential, access_token is invalid or not latest")
    if token.expires_at <= simulation.clock.now():
        raise MiniRefusal(EXPIRED, "access_token expired")
    return token.holder
